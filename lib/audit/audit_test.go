package audit

import (
	"slices"
	"strings"
	"testing"
	"time"

	"msdpd/lib/guard"
	"msdpd/lib/ipv4"
	"msdpd/lib/msdp"
)

var ip = ipv4.MustParse

// The peers of the facts: two outside, two members of a mesh group, all well configured.
var (
	east, west = ip("10.0.0.1"), ip("10.0.0.2")
	one, two   = ip("10.0.1.1"), ip("10.0.1.2")
)

// sound are facts in which nothing is to be mended, BGP in use.
func sound() Facts {
	f := Facts{Mismatches: make(map[ipv4.Addr]string)}
	f.Now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, a := range []ipv4.Addr{east, west, one, two} {
		p := msdp.PeerStatus{PeerConfig: msdp.PeerConfig{Addr: a, Local: ip("10.0.9.9"), ASN: 65001, Guard: guard.Guard{Key: "key"}}, AS: 65001, State: msdp.StateEstablished}
		if a == one || a == two {
			p.MeshGroup = "m"
		}
		p.Limits.Entries.Max = 1000
		p.Filters.In.SG, p.Filters.Out.RP = "list", "list"
		f.Peers = append(f.Peers, p)
	}
	f.MyRPs = []ipv4.Addr{ip("10.0.9.100")}
	f.DefaultPeers = []msdp.DefaultPeer{{Addr: east}}
	f.Redistribute.Restricted = true
	f.RPs = []msdp.RPRoute{{Addr: ip("10.7.0.1"), Entries: 3, Known: true, Reachable: true, BGP: true}, {Addr: ip("10.7.0.2")}}
	f.BGPNeighbors = 2
	return f
}

func (f *Facts) at(a ipv4.Addr) *msdp.PeerStatus {
	return &f.Peers[slices.IndexFunc(f.Peers, func(p msdp.PeerStatus) bool { return p.Addr == a })]
}

func TestNothingIsFoundWhereAllIsWell(t *testing.T) {
	for _, found := range Run(sound()) {
		t.Errorf("found %+v", found)
	}
	if found := Run(Facts{}); len(found) != 0 {
		t.Errorf("found in nothing: %+v", found)
	}
}

// want is one finding: what of it a test looks at.
type want struct {
	severity Severity
	subject  string
	what     string // within What
	command  string
}

// TestEachCheck: what is wrong is found by the check that is for it, and by no other.
func TestEachCheck(t *testing.T) {
	own := msdp.OwnSeen{Peer: east, RP: ip("10.0.9.100"), First: ipv4.SG{Source: ip("10.7.0.9"), Group: ip("239.1.1.1")}, Count: 7}
	refused := func(p *msdp.PeerStatus, why msdp.Reason, n uint64) { p.Counters.Refused[why] = n }
	for _, tc := range []struct {
		check string
		name  string
		spoil func(f *Facts)
		want  []want
	}{
		{"own-rp", "from a peer", func(f *Facts) { f.Own = []msdp.OwnSeen{own} },
			[]want{{Error, "peer 10.0.0.1", "7 entries with this router's own RP address 10.0.9.100 came from it, first (10.7.0.9,239.1.1.1)", "show ip msdp rpf 10.0.9.100"}}},
		{"own-rp", "from one that is gone", func(f *Facts) { f.Own = []msdp.OwnSeen{own}; f.Peers = f.Peers[1:]; f.DefaultPeers = nil }, nil},
		{"originator", "from a member", func(f *Facts) { o := own; o.Peer, o.Count = one, 1; f.Own = []msdp.OwnSeen{o} },
			[]want{{Error, "peer 10.0.1.1", "1 entry with the RP address 10.0.9.100 that this router sends", "ip msdp originator-id A.B.C.D"}}},
		{"originator", "no address", func(f *Facts) { f.OriginatorTrouble = "interface lo has none" },
			[]want{{Warning, "originator-id", "interface lo has none", "ip msdp originator-id A.B.C.D"}}},
		{"mesh-down", "not up", func(f *Facts) { f.at(one).State, f.at(one).Why = msdp.StateConnecting, "refused" },
			[]want{{Error, "peer 10.0.1.1", "member of mesh-group m, is connecting: refused", "show ip msdp peer 10.0.1.1"}}},
		{"mesh-down", "its SAs come another way", func(f *Facts) {
			f.at(one).State = msdp.StateListen
			f.Relayed = []msdp.Relayed{{By: east, Member: one}}
		}, []want{{Error, "peer 10.0.1.1", "is listen; SAs of its own come from 10.0.0.1", "show ip msdp peer 10.0.1.1"}}},
		{"mesh-down", "shut down", func(f *Facts) { f.at(one).State, f.at(one).Shutdown = msdp.StateDisabled, true },
			[]want{{Error, "peer 10.0.1.1", "is disabled", "no ip msdp peer 10.0.1.1 shutdown"}}},
		{"mesh-down", "no source", func(f *Facts) { f.at(one).State, f.at(one).Local = msdp.StateInactive, 0 },
			[]want{{Error, "peer 10.0.1.1", "is inactive", "ip msdp mesh-group m source A.B.C.D"}}},
		{"mesh-relay", "another member's", func(f *Facts) { f.Relayed = []msdp.Relayed{{By: one, Member: two}} },
			[]want{{Error, "peer 10.0.1.1", "passes on SAs whose RP is 10.0.1.2, another member of mesh-group m", "on 10.0.1.1: ip msdp mesh-group m member 10.0.1.2"}}},
		{"mesh-relay", "from outside, which may", func(f *Facts) { f.Relayed = []msdp.Relayed{{By: east, Member: two}} }, nil},
		{"mesh-relay", "from another mesh group, which may", func(f *Facts) {
			f.at(one).MeshGroup = "n"
			f.Relayed = []msdp.Relayed{{By: one, Member: two}}
		}, nil},
		{"anycast-rp", "the peer's address", func(f *Facts) { f.MyRPs = []ipv4.Addr{west} },
			[]want{{Error, "peer 10.0.0.2", "an RP address of this router", "no ip msdp peer 10.0.0.2"}}},
		{"anycast-rp", "in SAs", func(f *Facts) {
			f.RPs = append(f.RPs, msdp.RPRoute{Addr: f.MyRPs[0], Entries: 2, Known: true, Reachable: true})
		}, []want{{Warning, "RP 10.0.9.100", "2 entries of mesh-group members carry the shared RP address", "on the member: ip msdp originator-id A.B.C.D"}}},
		{"anycast-rp", "in refused SAs", func(f *Facts) {
			f.RPs = append(f.RPs, msdp.RPRoute{Addr: f.MyRPs[0], Known: true, Reachable: true})
		}, nil},
		{"password-mismatch", "suspected", func(f *Facts) { f.Mismatches[east] = "suspected, because" },
			[]want{{Error, "peer 10.0.0.1", "a mismatch of passwords is suspected, because", "ip msdp peer 10.0.0.1 password KEY"}}},
		{"obstacle", "pimd's", func(f *Facts) { f.Obstacles = []string{"lo is passive"} }, []want{{Error, "pimd", "lo is passive", ""}}},
		{"bgpd", "away", func(f *Facts) { f.BGPAway = "stuck" }, []want{{Error, "bgpd", "does not answer: stuck", ""}}},
		{"bgpd", "away and not needed", func(f *Facts) { f.BGPAway, f.RPs = "stuck", nil }, nil},
		{"default-peer", "no peer", func(f *Facts) { f.DefaultPeers = []msdp.DefaultPeer{{Addr: ip("10.9.0.1")}} },
			[]want{{Error, "default-peer 10.9.0.1", "is no peer", "ip msdp peer 10.9.0.1 source A.B.C.D"}}},
		{"default-peer", "shut down", func(f *Facts) { f.at(east).Shutdown, f.at(east).State = true, msdp.StateDisabled },
			[]want{{Warning, "default-peer 10.0.0.1", "is shut down", "no ip msdp peer 10.0.0.1 shutdown"}}},
		{"default-peer", "not up", func(f *Facts) { f.at(east).State = msdp.StateListen },
			[]want{{Warning, "default-peer 10.0.0.1", "is listen", "show ip msdp peer 10.0.0.1"}}},
		{"stub", "one way only", func(f *Facts) {
			f.DefaultPeers, f.Peers = nil, f.Peers[1:]
			refused(f.at(west), msdp.ReasonRPF, 2)
			refused(f.at(west), msdp.ReasonNoRoute, 1)
		}, []want{{Note, "peer 10.0.0.2", "3 entries were refused by peer-RPF", "ip msdp default-peer 10.0.0.2"}}},
		{"stub", "two ways", func(f *Facts) { f.DefaultPeers = nil; refused(f.at(west), msdp.ReasonRPF, 2) }, nil},
		{"stub", "a default peer already", func(f *Facts) {
			f.Peers = f.Peers[1:]
			f.DefaultPeers = []msdp.DefaultPeer{{Addr: west}}
			refused(f.at(west), msdp.ReasonRPF, 2)
		}, nil},
		{"peer-as", "unknown", func(f *Facts) { f.at(east).ASN, f.at(east).AS = 0, 0 },
			[]want{{Warning, "peer 10.0.0.1", "its AS is not known", "ip msdp peer 10.0.0.1 source 10.0.9.9 as N"}}},
		{"peer-as", "unknown, no RP behind BGP", func(f *Facts) { f.at(east).ASN, f.at(east).AS, f.RPs = 0, 0, nil },
			[]want{{Note, "peer 10.0.0.1", "its AS is not known", "ip msdp peer 10.0.0.1 source 10.0.9.9 as N"}}},
		{"peer-as", "unknown, no BGP", func(f *Facts) { f.at(east).ASN, f.at(east).AS, f.RPs, f.BGPNeighbors = 0, 0, nil, 0 }, nil},
		{"peer-as", "a member's does not matter", func(f *Facts) { f.at(one).ASN, f.at(one).AS = 0, 0 }, nil},
		{"peer-as", "bgpd's", func(f *Facts) { f.at(east).ASN, f.at(east).NeighborAS = 0, 65001 }, nil},
		{"peer-as", "two", func(f *Facts) {
			f.at(east).NeighborAS, f.at(east).LocalInterface = 65009, "lo"
		}, []want{{Warning, "peer 10.0.0.1", "is configured to be in AS 65001, and bgpd's neighbour with its address is in AS 65009", "ip msdp peer 10.0.0.1 connect-source lo as 65009"}}},
		{"rp-route", "one", func(f *Facts) { f.RPs[0].Reachable, f.RPs[0].BGP = false, false },
			[]want{{Warning, "RP 10.7.0.1", "there is no route to it; 3 entries are cached", "show ip msdp rpf 10.7.0.1"}}},
		{"rp-route", "many", func(f *Facts) {
			for i := range 8 {
				f.RPs = append(f.RPs, msdp.RPRoute{Addr: ip("10.8.0.0") + ipv4.Addr(i), Known: true})
			}
		}, []want{{Warning, "8 RPs", "10.8.0.0, 10.8.0.1, 10.8.0.2, 10.8.0.3, 10.8.0.4, 3 more; 0 entries are cached", "show ip msdp rpf 10.8.0.0"}}},
		{"duplicate-rp", "counted", func(f *Facts) { refused(f.at(west), msdp.ReasonDuplicateRP, 4) },
			[]want{{Warning, "peer 10.0.0.2", "4 entries were refused because the source is cached with another RP", "show ip msdp sa detail"}}},
		{"password", "none", func(f *Facts) { f.at(west).Guard.Key = ""; f.at(one).Guard.Key = "" },
			[]want{
				{Warning, "peer 10.0.0.2", "has no password", "ip msdp peer 10.0.0.2 password KEY"},
				{Warning, "peer 10.0.1.1", "has no password", "ip msdp peer 10.0.1.1 password KEY"},
			}},
		{"password", "none, and no session", func(f *Facts) { f.at(west).Guard.Key = ""; f.at(west).Shutdown = true }, nil},
		{"filter", "in or out", func(f *Facts) {
			f.at(west).Filters = msdp.PeerFilters{ScopeBoundary: "list"}
			f.at(east).Filters.Out.RP = ""
			f.at(one).Filters.In.SG = ""
		}, []want{
			{Warning, "peer 10.0.0.1", "no sa-filter out", "ip msdp peer 10.0.0.1 sa-filter msdp-border out"},
			{Warning, "peer 10.0.0.2", "no sa-filter in or out", "ip msdp peer 10.0.0.2 sa-filter msdp-border in"},
			{Note, "peer 10.0.1.1", "no sa-filter in", "ip msdp peer 10.0.1.1 sa-filter msdp-border in"},
		}},
		{"redistribute", "everything", func(f *Facts) { f.Redistribute.Restricted = false },
			[]want{{Note, "redistribute", "every local source is announced", "ip msdp redistribute list msdp-border"}}},
		{"redistribute", "everything, within a domain", func(f *Facts) {
			f.Redistribute.Restricted = false
			f.at(east).MeshGroup, f.at(west).MeshGroup = "m", "m"
		}, nil},
		{"missing-list", "two", func(f *Facts) {
			f.MissingLists = []msdp.MissingList{{Name: "x", User: "peer 10.0.0.1 sa-filter in"}, {Name: "y", User: "default-peer 10.0.0.1 prefix-list"}}
		}, []want{
			{Error, "peer 10.0.0.1 sa-filter in", "names the list x, which does not exist", "access-list x permit ip SOURCES GROUPS"},
			{Error, "default-peer 10.0.0.1 prefix-list", "names the list y, which does not exist", "ip prefix-list y permit A.B.C.D/M"},
		}},
		{"limit", "default", func(f *Facts) { f.at(one).Limits.Entries.Max = 0 },
			[]want{{Note, "peer 10.0.1.1", "no sa-limit of its own", "ip msdp peer 10.0.1.1 sa-limit N"}}},
		{"limit", "none", func(f *Facts) { f.at(one).Limits.Entries.Max = msdp.Unlimited },
			[]want{{Note, "peer 10.0.1.1", "no sa-limit of its own", "ip msdp peer 10.0.1.1 sa-limit N"}}},
		{"shutdown", "all", func(f *Facts) {
			f.Shutdown = true
			for i := range f.Peers {
				f.Peers[i].State, f.Peers[i].Shutdown = msdp.StateDisabled, true
			}
		}, []want{{Note, "all peers", "they are shut down", "no ip msdp shutdown"}}},
	} {
		t.Run(tc.check+": "+tc.name, func(t *testing.T) {
			f := sound()
			tc.spoil(&f)
			found := Run(f)
			if len(found) != len(tc.want) {
				t.Fatalf("found %+v, want %d", found, len(tc.want))
			}
			for i, w := range tc.want {
				got := found[i]
				if got.Check != tc.check || got.Severity != w.severity || got.Subject != w.subject || got.Command != w.command || !strings.Contains(got.What, w.what) {
					t.Errorf("found %+v\nwant %s: %+v", got, tc.check, w)
				}
				if got.Why == "" {
					t.Error("it does not say why that matters")
				}
			}
		})
	}
}

// TestWorstComesFirst: then the order of the checks, then that of what they look at.
func TestWorstComesFirst(t *testing.T) {
	f := sound()
	f.at(west).Guard.Key = ""
	f.at(east).Limits.Entries.Max = 0
	f.Obstacles = []string{"one", "two"}
	var got []string
	for _, found := range Run(f) {
		got = append(got, found.Severity.String()+" "+found.Check+" "+found.Subject)
	}
	want := []string{"error obstacle pimd", "error obstacle pimd", "warning password peer 10.0.0.2", "note limit peer 10.0.0.1"}
	if !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}
