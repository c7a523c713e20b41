package msdp

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"msdpd/lib/ipv4"
)

func TestPeerStatus(t *testing.T) {
	c := meshConfig([]ipv4.Addr{below1, above1}, below2)
	c.AddPeer(below1).ASN = 65001
	r := newRig(t, c)
	r.up(below1)
	r.advance(20 * time.Second)
	r.sa(below1, below1.String(), sgA, sgB)
	r.advance(5 * time.Second)
	up, _ := r.s.Peer(r.now, below1)
	want := PeerStatus{
		PeerConfig:    PeerConfig{Addr: below1, Local: rigLocal, ASN: 65001},
		State:         StateEstablished,
		LocalAddress:  addrPort(rigLocal, 639),
		RemoteAddress: addrPort(below1, 40000),
		Since:         start, KeepAliveTimer: 35 * time.Second, HoldTimer: 70 * time.Second, ConnectRetryTimer: -1,
		SACount: 2,
		Timers:  DefaultTimers(), AS: 65001, Sessions: 1, CountedFrom: start,
		Counters: PeerCounters{EstablishedChanges: 1, KeepAlivesSent: 1, KeepAlivesReceived: 1, SAsReceived: 1},
	}
	if diff := cmp.Diff(want, up, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	all := r.s.Peers(r.now)
	if len(all) != 3 || all[1].MeshGroup != "m" || all[1].State != StateListen || all[2].State != StateConnecting {
		t.Errorf("%+v", all)
	}
	if all[2].ConnectRetryTimer < 0 || all[2].HoldTimer >= 0 || all[1].ConnectRetryTimer >= 0 {
		t.Error("timers run that do not")
	}
	if _, ok := r.s.Peer(r.now, below3); ok {
		t.Error("a peer that is none")
	}
}

func TestSummary(t *testing.T) {
	r := rpRig(t)
	r.register(sgA)
	r.sa(below1, below1.String(), sgB, sgC)
	r.sa(below1, farRP, sgA)
	r.s.KernelEntry(r.now, anyA, 2, 0)
	got := r.s.Summary()
	want := Summary{Peers: 2, Established: 2, Locals: 1, Remotes: 2, Groups: 2, InterestedGroups: 1, RPs: 2, Pending: 1}
	want.Registers.Heard = 1
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestSAKeysInSlices(t *testing.T) {
	r := rpRig(t)
	r.sa(below1, below1.String(), many(3000)...)
	for i := range ipv4.Addr(50) {
		r.register(ipv4.SG{Source: ip("192.0.2.1") + i, Group: ip("239.1.1.1")})
	}
	for _, limit := range []int{1, 7, 50, 1024, 100_000} {
		seen := make(map[ipv4.SG]bool)
		var cursor SACursor
		for more := true; more; {
			var keys []ipv4.SG
			keys, more = r.s.SAKeys(&cursor, limit, nil)
			if len(keys) > limit {
				t.Fatalf("%d keys, at most %d were asked for", len(keys), limit)
			}
			for _, k := range keys {
				if seen[k] {
					t.Fatalf("%s was given twice", k)
				}
				seen[k] = true
				if _, ok := r.s.SA(k); !ok {
					t.Errorf("%s has no status", k)
				}
			}
		}
		if len(seen) != 3050 {
			t.Errorf("limit %d: %d keys", limit, len(seen))
		}
	}
	if _, ok := r.s.SA(sg("192.0.2.200", "239.1.1.1")); ok {
		t.Error("a status of what is not there")
	}
}

func TestStateWords(t *testing.T) {
	got := ""
	for s := StateDisabled; s <= StateEstablished; s++ {
		got += s.String() + " "
	}
	if got != "disabled inactive listen connecting established " {
		t.Errorf("%q", got)
	}
}

func TestEveryReasonHasANameAndAText(t *testing.T) {
	names := make(map[string]bool)
	for _, why := range Reasons() {
		if why.String() == "" || why.Text() == "" || names[why.String()] {
			t.Errorf("reason %d: %q, %q", why, why, why.Text())
		}
		names[why.String()] = true
	}
	if len(names) != int(reasonCount)-1 {
		t.Errorf("%d reasons", len(names))
	}
}
