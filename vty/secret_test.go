package vty

import (
	"errors"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

const hushHush = "hush-hush"

// secretShell has a command with a secret, which refuses every peer but 10.0.0.1 and warns of
// the key "old".
func secretShell(log *zap.Logger, got *string) *Shell {
	s := New(Config{Log: log, MaxLine: 128})
	s.Install(s.Config, "[no] peer A.B.C.D password [<plain|(1-7)>] KEY!$key [level (1-9)]", "No\nPeer\nIts address\nA password\nNot plain\nNot plain\nThe password\nLevel\nNumber", func(c *Call) error {
		*got = c.Arg("key")
		if c.Arg("A.B.C.D") != "10.0.0.1" {
			return errors.New("there is no such peer")
		}
		return Warningf("weak")
	})
	s.Install(s.Config, "peer A.B.C.D source A.B.C.D", "Peer\nIts address\nSource\nAddress", func(*Call) error { return nil })
	return s
}

// secretLines are lines with a secret that are no commands, or are refused.
var secretLines = []string{
	"peer 10.0.0.1 password plain hush-hush extra",
	"peer 10.0.0.1 password plain hush-hush level",
	"peer 10.0.0.1 password plain hush-hush level 10",
	"peer 10.0.0.1 password 9 hush-hush x",
	"peer 10.0.0.2 password hush-hush",
	"peer 10.0.0.256 password plain hush-hush",
	"peer 10.0.0.2 password plain hush-hush",
	"no peer 10.0.0.2 pass plain hush-hush",
	"pear 10.0.0.1 p plain hush-hush",
	"peer 10.0.0.1 PASSWORD plain hush-hush",
	"peer 10.0.0.1 passwrod plain hush-hush",
	"peer 10.0.0.1 pasword\tplain \thush-hush\t",
	"peer 10.0.0.1 passwords plain hush-hush",
	"peer 10.0.0.1 password plain hush-hush\x01",
	"peer 10.0.0.1 password plain hush-hush\xff",
	"do peer 10.0.0.1 password plain hush-hush",
	"peer 10.0.0.1 paswrod plain hush-hush",
	"peer 10.0.0.1 authentication md5 hush-hush",
	"peer 10.0.0.1 key hush-hush",
	"password plain hush-hush " + strings.Repeat("x", 200),
}

func TestSecretsAreNotShown(t *testing.T) {
	var got string
	log, logged := observer.New(zap.DebugLevel)
	s := secretShell(zap.New(log), &got)
	for _, line := range secretLines {
		for _, mode := range []*Mode{s.View, s.Enable, s.Config} {
			var out strings.Builder
			session := s.NewSession()
			session.Enter(mode)
			if s.Execute(t.Context(), session, line, &out) == Success {
				t.Errorf("%q was taken", line)
			}
			if strings.Contains(out.String(), hushHush) {
				t.Errorf("%q in %s: the answer shows the secret:\n%s", line, mode.Name, out.String())
			}
		}
		err := s.Load(t.Context(), strings.NewReader(line), s.NewSession())
		if err == nil {
			t.Errorf("%q was loaded", line)
			continue
		}
		if strings.Contains(err.Error(), hushHush) {
			t.Errorf("%q: the error shows the secret:\n%v", line, err)
		}
		var one *LineError
		if !errors.As(err, &one) || strings.Contains(one.Line, hushHush) {
			t.Errorf("%q: LineError holds the secret: %+v", line, one)
		}
	}
	if err := s.Load(t.Context(), strings.NewReader("peer 10.0.0.1 password plain hush-hush"), s.NewSession()); err != nil {
		t.Fatal(err)
	}
	if got != hushHush {
		t.Errorf("the command was given %q", got)
	}
	entries := logged.FilterField(zap.String("command", "peer 10.0.0.1 password <hidden>")).All()
	if len(entries) != 1 || len(logged.All()) != 1 {
		t.Errorf("logged: %v", logged.All())
	}
}

// TestHiddenLinesStillPoint: the mark stands below the line as it is shown.
func TestHiddenLinesStillPoint(t *testing.T) {
	var got string
	s := secretShell(nil, &got)
	for line, want := range map[string]string{
		"peer 10.0.0.256 password plain hush": "% Unknown command: peer 10.0.0.256 password <hidden>\n" +
			"                        ^ not an IPv4 address A.B.C.D\n",
		"peer 10.0.0.1 password plain hush extra": "% Unknown command: peer 10.0.0.1 password <hidden>\n" +
			"                                          ^ expected level or the end\n",
		"peer 10.0.0.1 password plain hush level": "% Command incomplete: peer 10.0.0.1 password <hidden>\n" +
			"                                                      ^ expected (1-9)\n",
		"peer 10.0.0.256 source 10.0.0.1": "% Unknown command: peer 10.0.0.256 source 10.0.0.1\n" +
			"                        ^ not an IPv4 address A.B.C.D\n",
	} {
		var out strings.Builder
		session := s.NewSession()
		session.marks = true
		session.Enter(s.Config)
		s.Execute(t.Context(), session, line, &out)
		if out.String() != want {
			t.Errorf("%q:\n%swant\n%s", line, out.String(), want)
		}
	}
}

func TestSecretIsOneOfTheUsersWords(t *testing.T) {
	for _, syntax := range []string{"a b!", "a A.B.C.D!", "a (1-9)!", "a !", "a KEY!!"} {
		if _, err := parseSyntax(syntax, helpFor(syntax)); err == nil {
			t.Errorf("%q was taken", syntax)
		}
	}
}
