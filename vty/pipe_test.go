package vty

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func newPipeShell() *Shell {
	s := New(Config{Daemon: "MSDP"})
	s.Install(s.View, "show animals", "Show\nAnimals", func(c *Call) error {
		c.Printf("ant\nbe")
		c.Printf("e\ncat | dog\n\nelk")
		return nil
	})
	s.Install(s.View, "show trouble", "Show\nTrouble", func(c *Call) error {
		c.Printf("a\nb\n")
		return errors.New("b and more")
	})
	s.Install(s.Config, "description LINE...", "Description\nText", say("description", "LINE..."))
	s.Install(s.Config, "name WORD", "Name\nWord", say("name", "WORD"))
	return s
}

func TestPipes(t *testing.T) {
	s := newPipeShell()
	for _, tc := range []struct {
		mode, line, out string
		status          Status
	}{
		{"view", "show animals | include e", "bee\nelk", Success},
		{"view", "sh an |i e", "bee\nelk", Success},
		{"view", "show animals | exclude e|^$", "ant\ncat | dog\n", Success},
		{"view", "show animals |\tinclude\tt | d", "cat | dog\n", Success}, // d begins no filter
		{"view", "show animals | begin ^c", "cat | dog\n\nelk", Success},
		{"view", "show animals | count a", "Number of lines which match regexp = 2\n", Success},
		{"view", "show animals | count", "Number of lines = 5\n", Success},
		{"view", "show animals | include a | exclude d | count", "Number of lines = 1\n", Success},
		{"view", "show trouble | include a", "a\n% b and more\n", Warning},
		{"configuration", "do show animals | include k", "elk", Success},
		{"configuration", "list | include name", "    name WORD\n", Success},
		{"configuration", "description a | include b", "description LINE...=a | include b\n", Success},
		{"configuration", "name |", "name WORD=|\n", Success},
		{"view", "show animals | include [a", "% include [a: not a regular expression: missing closing ]\n", Warning},
		{"view", "show animals | include a)", "% include a): not a regular expression: unexpected )\n", Warning},
		{"view", "find (", "% find (: not a regular expression: missing closing )\n", Warning},
		{"view", "show animals | sort", "% [MSDP] Unknown command: show animals | sort\n" +
			"                                         ^ expected begin, count, exclude or include\n", NoMatch},
		{"view", "show animals |", "% Command incomplete: show animals |\n" +
			"                                     ^ expected begin, count, exclude or include\n", Incomplete},
		{"view", "show animals | include", "% Command incomplete: show animals | include\n" +
			"                                             ^ expected REGEX\n", Incomplete},
		{"view", "show | include a", "% Command incomplete: show | include a\n                           ^ expected animals, history, trouble or users\n", Incomplete},
		{"view", "bogus | include a", "% [MSDP] Unknown command: bogus | include a\n                          ^\n", NoMatch},
		{"view", "find animals|WORD", "configuration   name WORD\nenable          show animals\nview            show animals\n", Success},
	} {
		out, status, _ := execute(t, s, tc.mode, tc.line)
		if out != tc.out && !strings.HasPrefix(tc.line, "bogus") || status != tc.status {
			t.Errorf("%s: %q gave %v and\n%swant %v and\n%s", tc.mode, tc.line, status, out, tc.status, tc.out)
		}
	}
}

// TestPipeStreams: what a filter lets through goes out as it comes, and a line without an end
// takes no more than a bounded part of memory.
func TestPipeStreams(t *testing.T) {
	stages, bad := parsePipe("| exclude nothing", "| exclude nothing")
	if bad != nil {
		t.Fatal(bad)
	}
	var out bytes.Buffer
	w, closePipe := piped(&out, stages)
	if _, err := w.Write([]byte("one\ntwo")); err != nil || out.String() != "one\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
	x := bytes.Repeat([]byte("x"), 1000)
	for range 1000 {
		if _, err := w.Write(x); err != nil {
			t.Fatal(err)
		}
		if held := cap(w.(*filterWriter).partial); held > 4*maxFiltered {
			t.Fatalf("%d octets held", held)
		}
	}
	if err := closePipe(); err != nil || out.Len() != len("one\ntwo")+1000*1000 {
		t.Errorf("%d octets, %v", out.Len(), err)
	}
}
