package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"msdpd/vty"
)

// shown is what a command shows with the settings of a configuration.
func shown(t *testing.T, configuration, command string) (string, vty.Status) {
	t.Helper()
	s, err := read(t, configuration)
	if err != nil {
		t.Fatal(err)
	}
	d := newDaemon(options{})
	d.instance = &instance{settings: s, events: make(chan func()), stopped: make(chan struct{})}
	defer close(d.instance.stopped)
	go func() {
		for {
			select {
			case f := <-d.instance.events:
				f()
			case <-d.instance.stopped:
				return
			}
		}
	}()
	var b bytes.Buffer
	status := d.shell.Execute(t.Context(), d.shell.NewSession(), command, &b)
	return b.String(), status
}

const listsToShow = `
access-list 1 permit host 10.0.0.1
access-list 1 permit 10.0.0.0 0.255.255.255
access-list 1 deny any
access-list 101 remark what may be heard
access-list 101 deny ip any host 224.0.1.2
access-list 101 permit ip 10.0.0.0 0.255.255.255 any
access-list x permit 10.0.0.0/8 exact-match
access-list x permit 10.1.0.0/16
access-list x permit any
access-list x permit 10.0.0.7 0.0.255.0
ip prefix-list p description what
ip prefix-list p seq 5 permit 10.0.0.0/8 ge 9 le 24
ip prefix-list p seq 10 deny any
`

// TestShowAccessListAsFRR: but for the remarks, FRR 8.4.4 prints the same with its daemon's name.
func TestShowAccessListAsFRR(t *testing.T) {
	text, _ := shown(t, listsToShow, "show ip access-list")
	before, builtIn, found := strings.Cut(text, "Extended IP access list msdp-border (built in)\n")
	want := `MSDP:
Standard IP access list 1
    seq 5 permit 10.0.0.1
    seq 10 permit 10.0.0.0, wildcard bits 0.255.255.255
    seq 15 deny   any
Extended IP access list 101
    remark what may be heard
    seq 5 deny   ip any host 224.0.1.2
    seq 10 permit ip 10.0.0.0 0.255.255.255 any
Zebra IP access list x
    seq 5 permit 10.0.0.0/8 exact-match
    seq 10 permit 10.1.0.0/16
    seq 15 permit any
    seq 20 permit 10.0.0.7, wildcard bits 0.0.255.0
`
	if diff := cmp.Diff(want, before); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if !found || !strings.Contains(builtIn, "seq 10 deny   ip 10.0.0.0 0.255.255.255 any") || !strings.Contains(builtIn, "! private, RFC 1918") {
		t.Errorf("the built-in list:\n%s", text)
	}
	one, _ := shown(t, listsToShow, "show ip access-list 1")
	if strings.Contains(one, "101") || !strings.Contains(one, "seq 5 permit 10.0.0.1") {
		t.Errorf("list 1 alone:\n%s", one)
	}
	if text, status := shown(t, listsToShow, "show ip access-list nono"); status == vty.Success || !strings.Contains(text, "there is no access-list nono") {
		t.Errorf("%v %s", status, text)
	}
}

func TestShowAccessListJSON(t *testing.T) {
	text, _ := shown(t, listsToShow, "show ip access-list json")
	var lists map[string]any
	if err := json.Unmarshal([]byte(text), &lists); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	rule := func(s string) (v map[string]any) {
		if err := json.Unmarshal([]byte(s), &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, name := range []string{"msdp-border", "msdp-nothing"} {
		if l, _ := lists[name].(map[string]any); l["builtIn"] != true {
			t.Errorf("%s: %v", name, l)
		}
		delete(lists, name)
	}
	want := map[string]any{
		"1": map[string]any{"type": "Standard", "addressFamily": "IPv4", "rules": []any{
			rule(`{"sequenceNumber":5,"filterType":"permit","address":"10.0.0.1","mask":"0.0.0.0"}`),
			rule(`{"sequenceNumber":10,"filterType":"permit","address":"10.0.0.0","mask":"0.255.255.255"}`),
			rule(`{"sequenceNumber":15,"filterType":"deny","prefix":"0.0.0.0/0","exact-match":false}`),
		}},
		"101": map[string]any{"type": "Extended", "addressFamily": "IPv4", "remark": "what may be heard", "rules": []any{
			rule(`{"sequenceNumber":5,"filterType":"deny","extended":true,"sourceAddress":"0.0.0.0","sourceMask":"255.255.255.255",
				"destinationAddress":"224.0.1.2","destinationMask":"0.0.0.0"}`),
			rule(`{"sequenceNumber":10,"filterType":"permit","extended":true,"sourceAddress":"10.0.0.0","sourceMask":"0.255.255.255",
				"destinationAddress":"0.0.0.0","destinationMask":"255.255.255.255"}`),
		}},
		"x": map[string]any{"type": "Zebra", "addressFamily": "IPv4", "rules": []any{
			rule(`{"sequenceNumber":5,"filterType":"permit","prefix":"10.0.0.0/8","exact-match":true}`),
			rule(`{"sequenceNumber":10,"filterType":"permit","prefix":"10.1.0.0/16","exact-match":false}`),
			rule(`{"sequenceNumber":15,"filterType":"permit","prefix":"0.0.0.0/0","exact-match":false}`),
			rule(`{"sequenceNumber":20,"filterType":"permit","address":"10.0.0.7","mask":"0.0.255.0"}`),
		}},
	}
	if diff := cmp.Diff(want, lists); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestShowPrefixListAsFRR: the text of FRR 8.4.4, the JSON of a daemon of FRR 10.
func TestShowPrefixListAsFRR(t *testing.T) {
	for command, want := range map[string]string{
		"show ip prefix-list": `MSDP: ip prefix-list p: 2 entries
   Description: what
   seq 5 permit 10.0.0.0/8 ge 9 le 24
   seq 10 deny any
`,
		"show ip prefix-list p json": `{
  "p":{
    "addressFamily":"IPv4",
    "entries":[
      {
        "sequenceNumber":5,
        "type":"permit",
        "prefix":"10.0.0.0/8",
        "minimumPrefixLength":9,
        "maximumPrefixLength":24
      },
      {
        "sequenceNumber":10,
        "type":"deny",
        "prefix":"0.0.0.0/0",
        "maximumPrefixLength":32
      }
    ],
    "description":"what"
  }
}
`,
		"show ip prefix-list nono": "% there is no ip prefix-list nono\n",
	} {
		got, _ := shown(t, listsToShow, command)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", command, diff)
		}
	}
}
