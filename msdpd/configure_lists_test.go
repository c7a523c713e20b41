package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"msdpd/vty"
)

func TestListsOfEachSpelling(t *testing.T) {
	want := strings.Join([]string{
		"!",
		"access-list 7 seq 5 permit 10.0.0.1",
		"access-list 7 seq 10 deny 10.0.0.0 0.255.255.255",
		"access-list 7 seq 15 permit any",
		"access-list 111 remark what  may be heard",
		"access-list 111 seq 5 deny ip any host 224.0.1.39",
		"access-list 111 seq 10 deny ip 10.0.0.0 0.255.255.255 any",
		"access-list 111 seq 20 permit ip any any",
		"access-list rps seq 5 permit 10.0.0.1/32",
		"access-list rps seq 10 permit 10.1.0.0/16 exact-match",
		"access-list rps seq 15 permit 10.2.0.3 0.0.255.0",
		"ip prefix-list site-b description our  neighbours",
		"ip prefix-list site-b seq 5 permit 10.0.0.0/8",
		"ip prefix-list site-b seq 10 deny 11.0.0.0/8 ge 9 le 24",
		"ip prefix-list site-b seq 15 permit any",
		"!", "!", "end", "",
	}, "\n")
	for name, text := range map[string]string{
		"as it is written": want,
		"as FRR reads it too": `
ip prefix-list site-b permit any
no ip prefix-list site-b permit any
ip prefix-list site-b permit 10.9.9.9/8
ip prefix-list site-b seq 10 deny 11.0.0.0/8 le 24 ge 9
ip prefix-list site-b permit any
ip prefix-list site-b permit any
ip prefix-list site-b description our  neighbours
ip prefix-list gone description nothing
no ip prefix-list gone description nothing
acc 7 perm host 10.0.0.1
access-list 7 deny 10.0.0.0/8
access-list 7 permit 0.0.0.0 255.255.255.255
access-list 111 permit ip any any
access-list 111 seq 20 permit ip any any
access-list 111 seq 10 permit ip any host 239.0.0.1
access-list 111 seq 10 deny ip 10.0.0.0 0.255.255.255 0.0.0.0/0
access-list 111 seq 5 deny ip any host 224.0.1.39
access-list 111 seq 15 deny ip any any
no access-list 111 seq 15
access-list 111 remark other words
access-list 111 remark what  may be heard
access-list rps permit 10.0.0.1
access-list rps permit 10.1.0.0/16 exact-match
access-list rps permit 10.2.7.3 0.0.255.0
access-list gone permit any
no access-list gone
`,
		"as Cisco writes it": `
ip access-list extended 111
 remark what  may be heard
 seq 20 permit ip any any
 5 deny ip any host 224.0.1.39
 deny ip any any
 no deny ip any any
 10 deny ip 10.0.0.0 0.255.255.255 any
 30 permit ip any any
 no 30
 20 permit ip any any
!
ip access-list standard 7
 permit 10.0.0.1
 deny 10.0.0.0 0.255.255.255
 permit any
ip access-list standard rps
 permit host 10.0.0.1
 permit 10.1.0.0/16 exact-match
 permit 10.2.0.3 0.0.255.0
exit
ip access-list standard gone
 permit any
no ip access-list standard gone
ip prefix-list site-b seq 5 permit 10.0.0.0/8
ip prefix-list site-b seq 10 deny 11.0.0.0/8 ge 9 le 24
ip prefix-list site-b seq 15 permit 0.0.0.0/0 le 32
ip prefix-list site-b description our  neighbours
`,
	} {
		s, err := read(t, text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(want, written(s)); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}

func TestNoFormsOfLists(t *testing.T) {
	lines := []string{
		"access-list 7 permit 10.0.0.1",
		"access-list 7 seq 20 permit any",
		"access-list 111 deny ip any host 224.0.1.39",
		"access-list rps permit 10.1.0.0/16 exact-match",
		"access-list rps remark words",
		"ip prefix-list p permit 10.0.0.0/8 le 32",
		"ip prefix-list p seq 20 permit any",
		"ip prefix-list p description words",
	}
	given := strings.Join(lines, "\n") + "\n"
	for name, text := range map[string]string{
		"each line": "no " + strings.Join(lines, "\nno ") + "\n",
		"by number": "no access-list 7 seq 5\nno access-list 7 seq 20\nno access-list 111 seq 5\nno access-list rps seq 5\nno access-list rps remark\n" +
			"no ip prefix-list p seq 5\nno ip prefix-list p seq 20\nno ip prefix-list p description\n",
		"whole lists": "no access-list 7\nno access-list 111\nno access-list rps\nno ip prefix-list p\n",
		"Cisco's":     "no ip access-list standard 7\nno ip access-list extended 111\nip access-list standard rps\n no 5\n no remark\nexit\nno ip prefix-list p\n",
	} {
		s, err := read(t, given+text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(written(newSettings()), written(s)); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}

func TestBadLinesOfListsAreNamed(t *testing.T) {
	const given = "access-list e permit ip any any\naccess-list s permit any\n"
	for _, tc := range []struct{ line, complaint string }{
		{"access-list 7 permit ip any any", `access-list 7 takes one address a line, not "permit ip any any"`},
		{"access-list 111 permit any", `access-list 111 takes ip, sources and groups in a line, not "permit any"`},
		{"access-list x permit 10.0.0.256", "10.0.0.256"},
		{"access-list x seq 0 permit any", "0"},
		{"access-list x permit udp any any", "udp"},
		{"no access-list x", "there is no access-list x"},
		{"no access-list s seq 6", "access-list s has no line with seq 6"},
		{"no access-list s deny any", `there is no line "access-list s deny any"`},
		{"no access-list s remark", "access-list s has no remark"},
		{"access-list msdp-border permit any", "access-list msdp-border is built in"},
		{"no access-list msdp-border", "access-list msdp-border is built in"},
		{"ip access-list standard msdp-border", "access-list msdp-border is built in"},
		{"ip access-list standard 111", "access-list 111 is a number for extended lists"},
		{"ip access-list extended 7", "access-list 7 is a number for standard lists"},
		{"ip access-list standard e", `access-list e is no standard list, it has "access-list e seq 5 permit ip any any"`},
		{"ip access-list extended s", `access-list s is no extended list, it has "access-list s seq 5 permit any"`},
		{"ip prefix-list sites permit 10.0.0.0/8 ge 7", "10.0.0.0/8 ge 7: the lengths must not fall"},
		{"ip prefix-list sites permit 10.0.0.0", "10.0.0.0"},
		{"no ip prefix-list sites", "there is no ip prefix-list sites"},
		{"permit ip any any", ""},
	} {
		_, err := read(t, given+tc.line+"\n")
		if err == nil {
			t.Errorf("%q was taken", tc.line)
			continue
		}
		for _, part := range []string{"line 3", tc.line, tc.complaint} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q: the error does not say %q:\n%v", tc.line, part, err)
			}
		}
	}
	if _, err := read(t, "ip access-list extended x\n permit any\n"); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("a line of one address in an extended list: %v", err)
	}
}

// TestBlocksHaveTheirPrompts: those of IOS.
func TestBlocksHaveTheirPrompts(t *testing.T) {
	d := newDaemon(options{})
	session := d.shell.NewSession()
	session.SetValue(draftKey{}, newSettings())
	session.Enter(d.shell.Config)
	for _, step := range []struct{ line, prompt string }{
		{"ip access-list standard x", "(config-std-nacl)#"},
		{"10 permit any", "(config-std-nacl)#"},
		{"exit", "(config)#"},
		{"ip access-list extended y", "(config-ext-nacl)#"},
		{"ip access-list standard y", "(config-std-nacl)#"}, // it has no line yet
		{"ip access-list extended x", "(config-std-nacl)#"}, // refused
	} {
		status := d.shell.Execute(t.Context(), session, step.line, t.Output())
		if refused := step.line == "ip access-list extended x"; (status == vty.Success) == refused {
			t.Errorf("%s: status %v", step.line, status)
		}
		if got := session.Mode().Prompt; got != step.prompt {
			t.Errorf("behind %s: %s, want %s", step.line, got, step.prompt)
		}
	}
}

// TestWrittenListsReadBack: for lists given at random, in every spelling.
func TestWrittenListsReadBack(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for range 100 {
		given := randomListCommands(r)
		s, err := read(t, given)
		if err != nil {
			t.Fatalf("%v\n%s", err, given)
		}
		back, err := read(t, written(s))
		if err != nil {
			t.Fatalf("%v\n%s", err, written(s))
		}
		if diff := cmp.Diff(s, back, settingsEqual); diff != "" || written(s) != written(back) {
			t.Fatalf("-written +read\n%s\n%s", diff, written(s))
		}
		if strings.Contains(given, "permit") && s.msdp.Lists.Equal(newSettings().msdp.Lists) {
			t.Fatalf("nothing is left of\n%s", given)
		}
	}
}

func randomListCommands(r *rand.Rand) string {
	var b strings.Builder
	addr := func() string { return fmt.Sprintf("%d.%d.0.%d", 10+r.IntN(3), r.IntN(3), r.IntN(3)) }
	prefix := func() string { return fmt.Sprintf("%s/%d", addr(), r.IntN(33)) }
	one := func() string {
		return []string{"any", "host " + addr(), prefix(), addr() + " 0.255.0." + []string{"0", "255"}[r.IntN(2)]}[r.IntN(4)]
	}
	standard := func() string {
		return []string{one(), addr(), prefix() + " exact-match"}[r.IntN(3)]
	}
	extended := func() string { return "ip " + one() + " " + one() }
	action := func() string { return []string{"permit ", "deny "}[r.IntN(2)] }
	seq := func(word string) string {
		if r.IntN(2) == 0 {
			return ""
		}
		return fmt.Sprintf("%s%d ", word, 1+r.IntN(40))
	}
	for range r.IntN(20) {
		switch r.IntN(8) {
		case 0:
			fmt.Fprintf(&b, "access-list 1300 %s%s%s\n", seq("seq "), action(), standard())
		case 1:
			fmt.Fprintf(&b, "access-list 2000 %s%s%s\n", seq("seq "), action(), extended())
		case 2:
			fmt.Fprintf(&b, "access-list x %s%s%s\n", seq("seq "), action(), []string{standard(), extended()}[r.IntN(2)])
		case 3:
			fmt.Fprintf(&b, "ip access-list standard s\n %s%s%s\n", seq(""), action(), standard())
		case 4:
			fmt.Fprintf(&b, "ip access-list extended e\n remark two  words\n %s%s%s\n", seq("seq "), action(), extended())
		case 5:
			fmt.Fprintf(&b, "ip prefix-list p %s%s%s\n", seq("seq "), action(), prefix())
		case 6:
			n := r.IntN(33)
			fmt.Fprintf(&b, "ip prefix-list p %s%s%s/%d ge %d le 32\n", seq("seq "), action(), addr(), n, n+r.IntN(33-n))
		case 7:
			fmt.Fprintf(&b, "ip prefix-list q description d %d\naccess-list x remark r ! %d\n", r.IntN(9), r.IntN(9))
		}
	}
	return b.String()
}
