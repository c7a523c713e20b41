package acl

import "strings"

// Border returns the built-in list msdp-border: what should not cross the border of a domain,
// and everything else permitted. RFC 4611 §4.1 asks for such a list on every session with
// another domain; the groups are those of Cisco's "Multicast Source Discovery Protocol SA Filter
// Recommendations" (document 13717), of the router guides of DISA (which give the same for
// Junos), and of what Internet2 asked of its members; the sources are those that RFC 6890 lists
// as not globally reachable.
func Border() *AccessList { return border }

const (
	rfc4611   = "RFC 4611 4.1"
	cisco     = "Cisco 13717"
	disa      = "DISA router guides"
	internet2 = "Internet2"
)

var border = builtIn("msdp-border", "what should not cross the border of a domain (RFC 4611)", []struct{ rule, why string }{
	{"deny ip 0.0.0.0 0.255.255.255 any", "this network, RFC 6890"},
	{"deny ip 10.0.0.0 0.255.255.255 any", "private, RFC 1918: " + rfc4611 + ", " + cisco},
	{"deny ip 100.64.0.0 0.63.255.255 any", "shared behind carrier-grade NAT, RFC 6598"},
	{"deny ip 127.0.0.0 0.255.255.255 any", "loopback: " + cisco},
	{"deny ip 169.254.0.0 0.0.255.255 any", "link local, RFC 3927"},
	{"deny ip 172.16.0.0 0.15.255.255 any", "private, RFC 1918: " + rfc4611 + ", " + cisco},
	{"deny ip 192.0.2.0 0.0.0.255 any", "documentation, RFC 5737"},
	{"deny ip 192.168.0.0 0.0.255.255 any", "private, RFC 1918: " + rfc4611 + ", " + cisco},
	{"deny ip 198.18.0.0 0.1.255.255 any", "benchmarks, RFC 2544"},
	{"deny ip 198.51.100.0 0.0.0.255 any", "documentation, RFC 5737"},
	{"deny ip 203.0.113.0 0.0.0.255 any", "documentation, RFC 5737"},
	{"deny ip 224.0.0.0 31.255.255.255 any", "multicast and reserved, no sources"},

	{"deny ip any 224.0.0.0 0.0.0.255", "link local, RFC 5771"},
	{"deny ip any host 224.0.1.2", "SGI Dogfight: " + cisco},
	{"deny ip any host 224.0.1.3", "rwhod: " + cisco},
	{"deny ip any host 224.0.1.8", "NIS+: " + internet2},
	{"deny ip any host 224.0.1.22", "SVRLOC, RFC 2165: " + cisco},
	{"deny ip any host 224.0.1.24", "Microsoft WINS: " + cisco},
	{"deny ip any host 224.0.1.25", "NBC Professional: " + internet2},
	{"deny ip any host 224.0.1.35", "SVRLOC-DA, RFC 2165: " + cisco},
	{"deny ip any host 224.0.1.39", "Auto-RP announcements: " + cisco},
	{"deny ip any host 224.0.1.40", "Auto-RP mappings: " + cisco},
	{"deny ip any host 224.0.1.60", "HP device discovery: " + cisco},
	{"deny ip any host 224.0.1.76", "IAPP of wireless access points: " + internet2},
	{"deny ip any host 224.0.2.1", "rwho: " + internet2},
	{"deny ip any host 224.0.2.2", "Sun RPC: " + cisco},
	{"deny ip any host 224.1.0.38", "Retrospect: " + internet2},
	{"deny ip any 224.77.0.0 0.0.255.255", "Norton Ghost: " + disa},
	{"deny ip any 232.0.0.0 0.255.255.255", "SSM, RFC 4607 and 4608: " + cisco},
	{"deny ip any 233.252.0.0 0.0.0.255", "documentation, RFC 6676"},
	{"deny ip any 239.0.0.0 0.255.255.255", "administratively scoped, RFC 2365: " + cisco},
	{"permit ip any any", "everything else"},
})

// Nothing returns the built-in list msdp-nothing, which denies everything: where IOS filters all SAs
// by a command without a list, it is the list.
func Nothing() *AccessList { return nothing }

var nothing = builtIn("msdp-nothing", "lets nothing pass", []struct{ rule, why string }{{"deny ip any any", ""}})

// BuiltIn returns the lists that are always there, and cannot be changed.
func BuiltIn() []*AccessList { return []*AccessList{border, nothing} }

// builtIn makes a list of rules that are known to be right.
func builtIn(name, remark string, rules []struct{ rule, why string }) *AccessList {
	a := &AccessList{name: name, remark: remark, builtIn: true}
	for _, r := range rules {
		line, err := ParseLine(name, strings.Fields(r.rule))
		if err != nil {
			panic(err)
		}
		line.Remark = r.why
		if a.lines, err = insert(a.lines, line); err != nil {
			panic(err)
		}
	}
	return a
}
