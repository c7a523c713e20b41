package acl

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"msdpd/lib/ipv4"
)

func TestOrderOfLines(t *testing.T) {
	for _, tc := range []struct {
		name        string
		given, want []string
	}{
		{
			"five apart, the same twice is one",
			[]string{"permit 10.0.0.1/32", "permit 10.0.0.2/32", "permit host 10.0.0.1"},
			[]string{"seq 5 permit 10.0.0.1/32", "seq 10 permit 10.0.0.2/32"},
		},
		{
			"behind the last",
			[]string{"seq 7 permit any", "deny any"},
			[]string{"seq 7 permit any", "seq 12 deny any"},
		},
		{
			"between",
			[]string{"permit 10.0.0.1/32", "permit 10.0.0.2/32", "seq 7 deny any"},
			[]string{"seq 5 permit 10.0.0.1/32", "seq 7 deny any", "seq 10 permit 10.0.0.2/32"},
		},
		{
			"a number that is taken",
			[]string{"permit 10.0.0.1/32", "permit 10.0.0.2/32", "seq 5 deny any"},
			[]string{"seq 5 deny any", "seq 10 permit 10.0.0.2/32"},
		},
		{
			"another number moves the line",
			[]string{"permit 10.0.0.1/32", "permit 10.0.0.2/32", "seq 20 permit 10.0.0.1/32"},
			[]string{"seq 10 permit 10.0.0.2/32", "seq 20 permit 10.0.0.1/32"},
		},
		{
			"to where another is",
			[]string{"permit 10.0.0.1/32", "permit 10.0.0.2/32", "seq 10 permit 10.0.0.1/32"},
			[]string{"seq 10 permit 10.0.0.1/32"},
		},
	} {
		for _, command := range []string{"access-list x ", "ip prefix-list x "} {
			t.Run(tc.name+", "+command, func(t *testing.T) {
				prefixed := func(lines []string) (out []string) {
					for _, l := range lines {
						if strings.HasPrefix(command, "ip") {
							l = strings.Replace(l, "host 10.0.0.1", "10.0.0.1/32", 1)
						}
						out = append(out, command+l)
					}
					return out
				}
				l := mustLists(t, prefixed(tc.given)...)
				if diff := cmp.Diff(prefixed(tc.want), slices.Collect(l.All())); diff != "" {
					t.Errorf("-want +got\n%s", diff)
				}
			})
		}
	}
}

func TestNoRoomBehindTheLast(t *testing.T) {
	l := mustLists(t, "access-list x seq 4294967295 permit any", "ip prefix-list x seq 4294967291 permit any")
	for _, c := range []string{"access-list x deny any", "ip prefix-list x deny any"} {
		if err := give(l, c); err == nil || !strings.Contains(err.Error(), "429496729") {
			t.Errorf("%s: %v", c, err)
		}
	}
	if err := give(l, "access-list x permit any"); err != nil {
		t.Errorf("a line that is there: %v", err)
	}
}

func TestRemoving(t *testing.T) {
	l := mustLists(t, "access-list x remark why", "access-list x permit any", "access-list x deny 10.0.0.0/8",
		"ip prefix-list p description what", "ip prefix-list p permit any", "ip prefix-list p deny 10.0.0.0/8")
	line := func(text string) Line {
		line, err := ParseLine("x", strings.Fields(text))
		if err != nil {
			t.Fatal(err)
		}
		return line
	}
	prefixLine := func(text string) PrefixLine {
		line, err := ParsePrefixLine("p", strings.Fields(text))
		if err != nil {
			t.Fatal(err)
		}
		return line
	}
	for _, tc := range []struct {
		err       error
		complaint string
	}{
		{l.RemoveLine(line("deny any")), `there is no line "access-list x deny any"`},
		{l.RemoveLine(line("seq 10 permit any")), `there is no line "access-list x seq 10 permit any"`},
		{l.RemoveSeq("x", 6), "access-list x has no line with seq 6"},
		{l.RemoveAccess("y"), "there is no access-list y"},
		{l.SetRemark("y", ""), "access-list y has no remark"},
		{l.RemovePrefixLine(prefixLine("deny any")), `there is no line "ip prefix-list p deny any"`},
		{l.RemovePrefixSeq("p", 6), "ip prefix-list p has no line with seq 6"},
		{l.RemovePrefix("y"), "there is no ip prefix-list y"},
		{l.SetDescription("y", ""), "ip prefix-list y has no description"},
		{l.RemoveAccess("msdp-border"), "access-list msdp-border is built in"},
		{l.RemoveSeq("msdp-border", 5), "built in"},
		{l.RemoveLine(Border().Lines()[0]), "built in"},
		{l.AddLine(Line{List: "msdp-border", Permit: true, Range: Any()}), "built in"},
		{l.SetRemark("msdp-border", "x"), "built in"},
		{l.AddLine(Line{List: "100", Range: Any()}), `not "deny any"`},
	} {
		if tc.err == nil || !strings.Contains(tc.err.Error(), tc.complaint) {
			t.Errorf("%v, want %q", tc.err, tc.complaint)
		}
	}
	if n := len(slices.Collect(l.All())); n != 6 {
		t.Fatalf("%d commands are left of 6 when nothing could be removed", n)
	}
	for _, err := range []error{
		l.RemoveLine(line("permit any")), l.RemoveSeq("x", 10), l.SetRemark("x", ""),
		l.RemovePrefixLine(prefixLine("seq 5 permit any")), l.RemovePrefixSeq("p", 10), l.SetDescription("p", ""),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	if !l.Equal(Lists{}) || l.Access("x") != nil || l.Prefix("p") != nil {
		t.Errorf("left: %q", slices.Collect(l.All()))
	}
}

// TestListsDoNotChange: who has one sees it as it was, and knows whether it still is.
func TestListsDoNotChange(t *testing.T) {
	l := mustLists(t, "access-list x permit any", "access-list y permit any", "ip prefix-list p permit any")
	before := l.Clone()
	x, y, p := l.Access("x"), l.Access("y"), l.Prefix("p")
	for _, c := range []string{"access-list x seq 1 deny any", "access-list y permit any", "ip prefix-list p seq 1 deny any"} {
		if err := give(l, c); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.RemoveSeq("x", 5); err != nil {
		t.Fatal(err)
	}
	if permit, _ := x.Permits(sg("10.0.0.1", "239.0.0.1")); !permit {
		t.Error("a list changed under who had it")
	}
	if permit, _ := p.PermitsAddr(1); !permit {
		t.Error("a prefix list changed under who had it")
	}
	if l.Access("x") == x || l.Prefix("p") == p || l.Access("y") != y {
		t.Error("which lists are others now cannot be told by their pointers")
	}
	if before.Access("x") != x || before.Prefix("p") != p || before.Equal(*l) {
		t.Error("the clone changed")
	}
}

func TestOrderOfLists(t *testing.T) {
	l := mustLists(t, "access-list b permit any", "access-list 100 permit ip any any", "access-list 20 permit any", "access-list a permit any",
		"ip prefix-list q permit any", "ip prefix-list 9 permit any")
	if diff := cmp.Diff([]string{"20", "100", "a", "b"}, l.AccessNames()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"9", "q"}, l.PrefixNames()); diff != "" {
		t.Error(diff)
	}
}

// TestListsReadBack: what All yields gives the same lists, for lists made at random.
func TestListsReadBack(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for range 300 {
		l := randomLists(t, r)
		back := mustLists(t, slices.Collect(l.All())...)
		if diff := cmp.Diff(slices.Collect(l.All()), slices.Collect(back.All())); diff != "" || !l.Equal(*back) {
			t.Fatalf("-written +read\n%s", diff)
		}
	}
}

func randomLists(t *testing.T, r *rand.Rand) *Lists {
	var l Lists
	seq := func() string {
		if r.IntN(2) == 0 {
			return ""
		}
		return fmt.Sprintf("seq %d ", 1+r.IntN(30))
	}
	addr := func() ipv4.Addr { return ipv4.Addr(r.Uint32() & 0xf0f00003) }
	rng := func() string {
		switch r.IntN(4) {
		case 0:
			return "any"
		case 1:
			return "host " + addr().String()
		case 2:
			return fmt.Sprintf("%s/%d", addr(), r.IntN(33))
		}
		return fmt.Sprintf("%s %s", addr(), addr())
	}
	act := func() string { return []string{"permit ", "deny "}[r.IntN(2)] }
	for _, name := range []string{"1", "101", "x"} {
		for range r.IntN(8) {
			rule := rng()
			if name == "101" || name == "x" && r.IntN(2) == 0 {
				rule = "ip " + rule + " " + rng()
			} else if strings.Contains(rule, "/") && r.IntN(3) == 0 {
				rule += " exact-match"
			}
			if err := give(&l, "access-list "+name+" "+seq()+act()+rule); err != nil {
				t.Fatal(err)
			}
		}
		if r.IntN(3) == 0 {
			if err := l.SetRemark(name, "some words"); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range r.IntN(8) {
		n := r.IntN(33)
		rule := fmt.Sprintf("%s/%d", addr(), n)
		if r.IntN(2) == 0 {
			rule += fmt.Sprintf(" ge %d", n+r.IntN(33-n))
		}
		if r.IntN(2) == 0 {
			rule += " le 32"
		}
		if err := give(&l, "ip prefix-list p "+seq()+act()+rule); err != nil {
			t.Fatal(err)
		}
	}
	return &l
}
