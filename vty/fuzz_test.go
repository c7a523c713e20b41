package vty

import (
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// FuzzSyntax: any declaration is either refused or makes a tree that answers any line, within the size
// of the declaration.
func FuzzSyntax(f *testing.F) {
	for _, syntax := range []string{
		"show ip msdp peer [<A.B.C.D|detail>] [json]", "[no] ip msdp peer A.B.C.D$peer password LINE...!", "(1-65535)$n <permit|deny>",
		"a [[b] [c]] <d|[e] f>$x", "a <b|c", "a [b]] c", "a (5-1)", "[a]", "x WORD... y", "a <b|b>", "a $n",
	} {
		f.Add(syntax, "show ip msdp peer 10.0.0.1 json")
		f.Add(syntax, "a b c d")
	}
	f.Fuzz(func(t *testing.T, syntax, line string) {
		if len(syntax) > 200 || len(line) > 1000 {
			return
		}
		s := New(Config{Daemon: "FUZZ"})
		help := strings.Repeat("help\n", len(tokensIn(syntax)))
		if s.install(s.View, syntax, help, func(*Call) error { return nil }) == nil {
			if nodes := s.trees[s.View].size(); nodes > 1000+2*len(syntax) {
				t.Errorf("%q makes %d nodes", syntax, nodes)
			}
		}
		var out strings.Builder
		session := s.NewSession()
		s.Execute(t.Context(), session, line, &out)
		s.Complete(session, line)
		_ = s.Describe()
		if out.Len() > 4000+8*len(line) {
			t.Errorf("%d octets of output", out.Len())
		}
	})
}

// tokensIn is the tokens of a syntax that can be read, however much help they have.
func tokensIn(syntax string) []*token {
	for n := range len(syntax) + 1 {
		if items, err := parseSyntax(syntax, strings.Repeat("help\n", n)); err == nil {
			return tokensOf(items)
		}
	}
	return nil
}

// size is the number of nodes of a tree.
func (t *tree) size() int {
	seen := make(map[*node]bool)
	var walk func(*node)
	walk = func(n *node) {
		if seen[n] {
			return
		}
		seen[n] = true
		for _, c := range n.next {
			walk(c)
		}
	}
	walk(t.root)
	return len(seen)
}

// FuzzTerminal: a whole session over telnet, from the first octet on or past the password, takes
// anything in any pieces, answers afterwards or ends, and keeps no more than it may.
func FuzzTerminal(f *testing.F) {
	for _, keys := range []string{
		"show li\t?\r\x1b[A\x03\x04", "\xff\xfa\x1f\x00\x01\x00\x01\xff\xf0show lines 9\r  q", "en\rconf t\rsecret x\r\x1a\x12\x16?",
		"\xff\xfa\x1f\xff\xff\xff\xff\xff\xff\xff\xffshow lines 100\r \r", "show lines 3 | inc [\r| | |\r", "who\r\x1b[1;5D\xe4\xb8\xad\x7f\x17\x15",
		"show forever\r\xff\xf4show history\r", "terminal monitor\rterminal length 2\rlist\r q",
	} {
		f.Add([]byte(keys), uint8(1), true)
		f.Add([]byte(keys), uint8(200), false)
	}
	hash := quickHash(f, "x")
	f.Fuzz(func(t *testing.T, keys []byte, chunk uint8, in bool) {
		if len(keys) > 4096 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			s := newTelnetShell()
			ours, theirs := net.Pipe()
			p := newPlace(theirs)
			settings := TelnetSettings{Password: hash, Lines: -1, Timeout: time.Minute}
			served := make(chan struct{})
			go func() {
				defer close(served)
				s.serveTelnet(t.Context(), p, TelnetConfig{Settings: func() TelnetSettings { return settings }})
			}()
			shown := make(chan int)
			go func() {
				total, buf := 0, make([]byte, 4096)
				for {
					n, err := ours.Read(buf)
					total += n
					if err != nil {
						shown <- total
						return
					}
				}
			}()
			synctest.Wait()
			if in {
				_, _ = ours.Write([]byte("x\r"))
			}
			for rest := keys; len(rest) > 0; {
				n := min(int(chunk)+1, len(rest))
				if _, err := ours.Write(rest[:n]); err != nil {
					break // the session is over
				}
				synctest.Wait()
				rest = rest[n:]
			}
			// Silence ends it, whatever it waits for.
			time.Sleep(3 * time.Minute)
			synctest.Wait()
			ours.Close()
			<-served
			// 100 lines, or the help of a whole line, is the most that a key has to show.
			if n := <-shown; n > (len(keys)+10)*(16<<10) {
				t.Errorf("%d keys showed %d octets", len(keys), n)
			}
			if left := len(s.roster.all()); left != 0 {
				t.Errorf("%d lines are left", left)
			}
		})
	})
}
