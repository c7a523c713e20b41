package vty

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// program is that of a Debian package that tools/test installs.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is not installed; tools/test installs it", name)
	}
	return path
}

// TestNetcat talks to the socket with nc -U: lines that a shell's printf makes, and answers in whole.
func TestNetcat(t *testing.T) {
	path, _ := start(t, newTestShell())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program(t, "nc.openbsd"), "-U", path)
	cmd.Stdin = strings.NewReader("show ip msdp sa\x00sh ip\x00enable\x00who | count unix\x00disable\x00exit\x00")
	out, err := cmd.Output()
	want := "sa\n\x00\x00\x00\x00% Command incomplete: sh ip\n\x00\x00\x00\x04\x00\x00\x00\x00" +
		"Number of lines which match regexp = 1\n\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	if err != nil || string(out) != want {
		t.Errorf("%q, %v; want %q", out, err, want)
	}
}

// TestExporter: prometheus-frr-exporter, which has an implementation of the protocol of its own, reads its
// answers from the socket, one that needs many reads among them.
func TestExporter(t *testing.T) {
	s := New(Config{Daemon: "PIM"})
	const neighbors = 500
	s.Install(s.View, "show ip pim [vrf <NAME|all>] neighbor [json]", "Show\nIP\nPIM\nVRF\nName\nAll\nNeighbors\nJSON", func(c *Call) error {
		c.Printf(`{"default":{"eth0":{`)
		for i := range neighbors {
			if i > 0 {
				c.Printf(",\n")
			}
			c.Printf(`"10.0.%d.%d":{"interface":"eth0","neighbor":"10.0.%[1]d.%[2]d","upTime":"01:00:07","holdTimeMax":105,"drPriority":1}`, i>>8, i&255)
		}
		c.Printf("}}}\n")
		return nil
	})
	dir := t.TempDir()
	l, err := ListenUnix(filepath.Join(dir, "pimd.vty"), "", "")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	go func() { served <- s.Serve(ctx, l) }()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	free.Close()
	cmd := exec.CommandContext(ctx, program(t, "prometheus-frr-exporter"), "--frr.socket.dir-path="+dir, "--web.listen-address="+addr, "--collector.pim",
		"--no-collector.bfd", "--no-collector.bgp", "--no-collector.ospf")
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cancel()
		_ = cmd.Wait() // it was killed
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()
	var text []byte
	for text == nil {
		resp, err := http.Get("http://" + addr + "/metrics")
		if err == nil {
			text, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		if err != nil && ctx.Err() != nil {
			t.Fatalf("the exporter does not answer: %v\n%s", err, log.String())
		}
	}
	up := 0
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "frr_pim_neighbor_uptime_seconds{") && strings.HasSuffix(line, " 3607\n") {
			up++
		}
	}
	if up != neighbors || !strings.Contains(string(text), `frr_collector_up{collector="pim"} 1`) {
		t.Errorf("%d neighbors of %d\n%s\n%s", up, neighbors, text, log.String())
	}
}
