//go:build lab

package scenarios

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"msdpd/lib/wire"
	"msdpd/tools/lab"
)

const (
	// shellSessions is how many sit at the shell, shellTelnets how many of them over telnet.
	shellSessions, shellTelnets = 200, 16
	// pastedLines is how long a configuration one of them pastes.
	pastedLines = 5000
	// endlessLine is how many octets one of them sends without an end of line, in either protocol.
	endlessLine = 10 << 20
	// maxShellMemory is what the daemon may have needed at the most, in KiB, with the race detector's share.
	maxShellMemory = 512 << 10
)

// keepAliveClock notes when a peer's KeepAlives and other messages come.
type keepAliveClock struct {
	mu    sync.Mutex
	last  time.Time
	worst time.Duration
	count int
	end   error
}

// read notes what comes on a connection until it ends.
func (k *keepAliveClock) read(conn net.Conn) {
	var have []byte
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		now := time.Now()
		have = append(have, buf[:n]...)
		k.mu.Lock()
		for {
			_, _, rest, nextErr := wire.Next(have)
			if nextErr != nil {
				break
			}
			have = rest
			if k.count++; k.count > 1 {
				k.worst = max(k.worst, now.Sub(k.last))
			}
			k.last = now
		}
		k.end = err
		k.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (k *keepAliveClock) state() (count int, worst time.Duration, end error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.count, k.worst, k.end
}

// Two hundred sit at the shell: most ask for what is long, one never reads, two send a line without an end, one
// pastes thousands of lines of configuration. A peer that would give up after three seconds of silence, to whom a
// KeepAlive is due every second, has its session all the while.
func TestShellSiege(t *testing.T) {
	n := lab.ForTest(t)
	router, far := n.Router("router"), n.Host("far")
	n.Connect(far, "eth0", goodAddr+"/24", router, "far", routerToGood+"/24")
	router.StartFRR("zebra", "")
	d := router.StartMSDPD("password siege\nenable password siege\nip msdp timers 1 3\n"+peerLine(goodAddr, routerToGood), "--log-level", "info")

	// The far end, with the clock that it is measured by.
	var clock keepAliveClock
	var conn net.Conn
	lab.Eventually(t, patience, poll, func() error {
		return far.InNamespace(func() (err error) {
			local := net.TCPAddr{IP: net.ParseIP(goodAddr)}
			conn, err = (&net.Dialer{LocalAddr: &local, Timeout: 5 * time.Second}).Dial("tcp4", net.JoinHostPort(routerToGood, strconv.Itoa(wire.Port)))
			return err
		})
	})
	go clock.read(conn)
	stop, alive := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(alive)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			if _, err := conn.Write(wire.AppendKeepAlive(nil)); err != nil {
				return // the reader notes it
			}
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	}()
	defer func() { close(stop); <-alive; conn.Close() }()
	awaitBeats(t, &clock, 5)
	_, quiet, _ := clock.state()

	done := make(chan struct{})
	var sessions, tasks sync.WaitGroup // tasks are what ends by itself
	tasks.Add(3)
	telnetDial := func() (conn net.Conn, err error) {
		err = router.InNamespace(func() (err error) {
			conn, err = net.Dial("tcp4", "127.0.0.1:2639")
			return err
		})
		return conn, err
	}
	unixDial := func() (net.Conn, error) { return net.Dial("unix", router.VtySocket("msdpd")) }
	sit := func(dial func() (net.Conn, error), f func(net.Conn)) {
		conn, err := dial()
		if err != nil {
			t.Error(err)
			return
		}
		sessions.Go(func() {
			defer conn.Close()
			f(conn)
		})
		// Whatever it waits for, it goes at the end.
		sessions.Go(func() { <-done; conn.Close() })
	}
	busy := func(line string) func(net.Conn) {
		return func(c net.Conn) {
			go io.Copy(io.Discard, c) // ends with the connection
			for err := error(nil); err == nil && pause(done); {
				_, err = io.WriteString(c, line)
			}
		}
	}
	deaf := func(hello, line string) func(net.Conn) {
		return func(c net.Conn) {
			line := hello + strings.Repeat(line, 1000)
			_, _ = io.WriteString(c, line) // it waits once all buffers are full
			<-done
		}
	}
	endless := func(hello, end string, want []byte) func(net.Conn) {
		return func(c net.Conn) {
			defer tasks.Done()
			seen := make(chan error, 1)
			go func() { seen <- awaitText(c, want) }()
			_, err := c.Write(append(append([]byte(hello), bytes.Repeat([]byte("x"), endlessLine)...), end...))
			if err == nil {
				err = <-seen
			}
			if err != nil {
				t.Errorf("a line of 10 MB to %v: %v", c.RemoteAddr(), err)
			}
		}
	}
	const login = "siege\r\nenable\r\nsiege\r\nterminal length 0\r\n"
	sit(unixDial, deaf("", "list\x00"))
	sit(unixDial, endless("", "\x00who\x00", []byte("Line  Kind")))
	sit(telnetDial, deaf(login, "list\r\n"))
	sit(telnetDial, endless(login, "\x15who\r\n", []byte("Line  Kind")))
	for range shellTelnets - 3 { // one is left for the paste
		sit(telnetDial, func(c net.Conn) {
			if _, err := io.WriteString(c, login); err == nil {
				busy("show running-config brief\r\nlist\r\n")(c)
			}
		})
	}
	sit(telnetDial, func(c net.Conn) {
		defer tasks.Done()
		var text strings.Builder
		text.WriteString(login + "configure terminal\r\n")
		for i := range pastedLines {
			fmt.Fprintf(&text, "access-list siege seq %d permit 10.%d.%d.0/24\r\n", i+1, i>>8, i&255)
		}
		text.WriteString("end\r\nshow running-config | count access-list siege\r\n")
		go io.WriteString(c, text.String()) // a failure shows in what is not seen
		if err := awaitText(c, fmt.Appendf(nil, "Number of lines which match regexp = %d", pastedLines)); err != nil {
			t.Errorf("the configuration that was pasted: %v", err)
		}
	})
	for i := range shellSessions - shellTelnets - 2 {
		// Without the lists: whoever asks for all that is pasted, again and again, asks for minutes of work.
		line := []string{"show running-config brief\x00", "list\x00", "show ip msdp peer detail json\x00", "bogus\x00"}[i%4]
		sit(unixDial, func(c net.Conn) {
			if _, err := io.WriteString(c, "enable\x00"); err == nil {
				paced(c, line, done)
			}
		})
	}

	lab.Eventually(t, patience, poll, func() error {
		out, err := router.Vty("msdpd", "who | count (unix|telnet)")
		if want := fmt.Sprintf("= %d\n", shellSessions+1); err == nil && !strings.HasSuffix(out, want) {
			err = fmt.Errorf("%s, want%s", out, want)
		}
		return err
	})
	ended := make(chan struct{})
	go func() { tasks.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(5 * time.Minute):
		t.Error("after five minutes somebody waits for an answer still")
	}
	count, _, _ := clock.state()
	awaitBeats(t, &clock, count+5)
	close(done)
	sessions.Wait()
	count, worst, end := clock.state()
	peak := peakMemory(t, d)
	t.Logf("%d messages; longest silence %v, %v before; at most %d MiB of memory", count, worst.Round(time.Millisecond), quiet.Round(time.Millisecond), peak>>10)
	if end != nil {
		t.Errorf("the router ended the session: %v", end)
	}
	var peers map[string]siegePeer
	if err := router.VtyJSON("msdpd", "show ip msdp peer detail json", &peers); err != nil {
		t.Fatal(err)
	}
	if p := peers[goodAddr]; p.State != "established" || p.EstablishedChanges != 1 {
		t.Errorf("the session was lost: %+v", p)
	}
	if worst >= 3*time.Second {
		t.Errorf("nothing for %v: a peer with a hold time of 3 s would have given up", worst)
	}
	if peak > maxShellMemory {
		t.Errorf("%d KiB of memory, at most %d were to be", peak, maxShellMemory)
	}
}

func awaitBeats(t *testing.T, k *keepAliveClock, count int) {
	t.Helper()
	lab.Eventually(t, patience, poll, func() error {
		got, _, end := k.state()
		if end != nil || got < count {
			return fmt.Errorf("%d messages, want %d; %v", got, count, end)
		}
		return nil
	})
}

// pause is that of a person, or of a monitoring that is in a hurry; false if it is over.
func pause(done <-chan struct{}) bool {
	select {
	case <-done:
		return false
	case <-time.After(time.Second):
		return true
	}
}

// paced asks, and asks again once there is an answer, until the connection ends.
func paced(c net.Conn, line string, done <-chan struct{}) {
	for pause(done) {
		if _, err := io.WriteString(c, line); err != nil {
			return
		}
		if err := awaitText(c, []byte("\x00\x00\x00")); err != nil {
			return
		}
	}
}

// awaitText reads until some text has come. It keeps little of what it reads.
func awaitText(r io.Reader, want []byte) error {
	var have []byte
	buf := make([]byte, 16<<10)
	for {
		n, err := r.Read(buf)
		have = append(have, buf[:n]...)
		if bytes.Contains(have, want) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("waiting for %q: %w, behind %q", want, err, have)
		}
		have = append(have[:0], have[max(0, len(have)-400):]...)
	}
}
