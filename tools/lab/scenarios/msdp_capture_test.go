//go:build lab

package scenarios

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"testing"
	"time"

	"msdpd/lib/wire"
	"msdpd/tools/lab"
)

// sentMessage is one MSDP message on the wire.
type sentMessage struct {
	at time.Time
	// session numbers the TCP connections in the capture.
	session int
	kind    wire.Type
	rp      string
	sources []string // "source group"
}

// messagesFrom reads the MSDP messages that an address sent out of a capture of TCP port 639. tshark does not put together
// messages that lie in several segments, so only TCP is left to it.
func messagesFrom(t *testing.T, c *lab.Capture, from string) []sentMessage {
	t.Helper()
	var rows [][]string
	lab.Eventually(t, patience, 200*time.Millisecond, func() (err error) {
		rows, err = c.Packets("tcp.len > 0 && !tcp.analysis.retransmission && ip.src == "+from, "frame.time_epoch", "tcp.stream", "tcp.payload")
		return err
	})
	var out []sentMessage
	rest := make(map[string][]byte)
	for _, r := range rows {
		sec, err := strconv.ParseFloat(r[0], 64)
		if err != nil {
			t.Fatal(err)
		}
		payload, err := hex.DecodeString(r[2])
		if err != nil {
			t.Fatal(err)
		}
		session, err := strconv.Atoi(r[1])
		if err != nil {
			t.Fatal(err)
		}
		have := append(rest[r[1]], payload...)
		for {
			h, tlv, next, err := wire.Next(have)
			if errors.Is(err, io.ErrUnexpectedEOF) {
				break
			}
			if err != nil {
				t.Fatalf("in the capture from %s: %v", from, err)
			}
			m := sentMessage{at: time.UnixMicro(int64(sec * 1e6)), session: session, kind: h.Type}
			if h.Type == wire.TypeSourceActive || h.Type == wire.TypeSAResponse {
				sa, err := wire.ParseSourceActive(tlv)
				if err != nil {
					t.Fatalf("in the capture from %s: %v", from, err)
				}
				m.rp = sa.RP.String()
				for i := range sa.Len() {
					sg, _ := sa.Entry(i)
					m.sources = append(m.sources, fmt.Sprintf("%s %s", sg.Source, sg.Group))
				}
			}
			out = append(out, m)
			have = next
		}
		rest[r[1]] = have
	}
	return out
}
