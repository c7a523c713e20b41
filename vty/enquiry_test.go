package vty

import (
	"io"
	"strings"
	"testing"
)

// TestEnquiries: what a client's terminal needs comes over the same connection, and follows its mode.
func TestEnquiries(t *testing.T) {
	s := New(Config{Hostname: func() string { return "rp1" }, Daemon: "MSDP", Neighbors: "/run/frr/x"})
	s.Install(s.View, "show ip msdp peer [<A.B.C.D|detail>] [json]", "Show\nIP\nMSDP\nPeers\nOne\nAll about them\nAs JSON", func(*Call) error { return nil })
	s.Install(s.Config, "ip msdp password A.B.C.D KEY!", "IP\nMSDP\nMD5\nPeer\nThe key", func(*Call) error { return nil })
	s.Install(s.Config, "collect", "Collect changes", func(c *Call) error {
		c.Session.SetNote("[session]")
		return nil
	})
	path, _ := start(t, s)
	conn := dial(t, path)
	const ok, unknown = "\x00\x00\x00\x00", "\x00\x00\x00\x02"
	exchange(t, conn, AskStanding+"\x00", `{"prompt":"rp1\u003e ","mode":"view","configuring":false,"neighbors":"/run/frr/x"}`+"\n"+ok)
	exchange(t, conn, AskComplete+"sh ip ms\x00", `[{"text":"msdp","help":"MSDP"}]`+"\n"+ok)
	exchange(t, conn, AskComplete+"sh ip ms peer \x00",
		`[{"text":"detail","help":"All about them"},{"text":"json","help":"As JSON"},{"text":"A.B.C.D","help":"One","variable":true},`+
			`{"text":"|","help":"Filter the output","variable":true},{"text":"\u003ccr\u003e"}]`+"\n"+ok)
	exchange(t, conn, AskComplete+"bogus \x00", "[]\n"+ok)
	exchange(t, conn, "enable\x00conf t\x00", ok+ok)
	exchange(t, conn, AskStanding+"\x00", `{"prompt":"rp1(config)# ","mode":"configuration","configuring":true,"neighbors":"/run/frr/x"}`+"\n"+ok)
	exchange(t, conn, "collect\x00", ok)
	exchange(t, conn, AskStanding+"\x00", `{"prompt":"rp1[session](config)# ","mode":"configuration","configuring":true,"holds":true,"neighbors":"/run/frr/x"}`+"\n"+ok)
	exchange(t, conn, AskShown+"ip msdp password 10.0.0.1 hunter2\x00", `"ip msdp password \u003chidden\u003e"`+"\n"+ok)
	exchange(t, conn, AskShown+"show ip msdp peer\x00", `"show ip msdp peer"`+"\n"+ok)
	exchange(t, conn, string(Enquiry)+"bogus\x00", "% Unknown enquiry\n"+unknown)
}

func TestFiltered(t *testing.T) {
	var b strings.Builder
	command, out, done, err := Filtered("show ip route | include 10 | count", &b)
	if err != nil || command != "show ip route" {
		t.Fatalf("%q, %v", command, err)
	}
	if _, err := io.WriteString(out, "10.0.0.1\n20.0.0.1\n30.0.0.10\n"); err != nil {
		t.Fatal(err)
	}
	if err := done(); err != nil || b.String() != "Number of lines = 2\n" {
		t.Errorf("%q, %v", b.String(), err)
	}
	if _, _, _, err := Filtered("show ip route | bogus", &b); err == nil || !strings.Contains(err.Error(), "begin, count, exclude or include") {
		t.Error(err)
	}
}
