package wire

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"msdpd/lib/ipv4"
)

// goldens are the TLVs that are written, each with the values in its file and with what tshark
// has to find in it.
func goldens(t testing.TB) []goldenTLV {
	withData, err := AppendSourceActiveData(nil, rp, streamSG, streamPacket(t))
	if err != nil {
		t.Fatal(err)
	}
	const rpText, source, group = "192.0.2.1", "198.51.100.10", "239.1.2.3"
	return []goldenTLV{
		{"source_active", AppendSourceActive(nil, rp, []ipv4.SG{streamSG, otherSG}), map[string]string{
			"msdp.type": "1", "msdp.length": "32", "msdp.sa.entry_count": "2", "msdp.sa.rp_addr": rpText,
			"msdp.sa.reserved": "0x000000,0x000000", "msdp.sa.sprefix_len": "32,32",
			"msdp.sa.group_addr": group + ",239.1.2.4", "msdp.sa.src_addr": source + ",198.51.100.11"}},
		{"source_active_data", withData, map[string]string{
			"msdp.type": "1", "msdp.length": "60", "msdp.sa.entry_count": "1", "msdp.sa.rp_addr": rpText,
			"msdp.sa.reserved": "0x000000", "msdp.sa.sprefix_len": "32",
			"msdp.sa.group_addr": group, "msdp.sa.src_addr": source,
			"udp.dstport": "5004", "udp.length": "20"}},
		{"sa_request", AppendSARequest(nil, streamSG.Group), map[string]string{
			"msdp.type": "2", "msdp.length": "8", "msdp.sa_req.res": "0x00", "msdp.sa_req.group_addr": group}},
		{"sa_response", AppendSAResponse(nil, rp, []ipv4.SG{streamSG}), map[string]string{
			"msdp.type": "3", "msdp.length": "20", "msdp.sa.entry_count": "1", "msdp.sa.rp_addr": rpText,
			"msdp.sa.reserved": "0x000000", "msdp.sa.sprefix_len": "32",
			"msdp.sa.group_addr": group, "msdp.sa.src_addr": source}},
		{"keepalive", AppendKeepAlive(nil), map[string]string{"msdp.type": "4", "msdp.length": "3"}},
	}
}

type goldenTLV struct {
	name    string
	encoded []byte
	fields  map[string]string
}

func TestGoldenEncode(t *testing.T) {
	for _, g := range goldens(t) {
		if want := golden(t, g.name); !bytes.Equal(g.encoded, want) {
			t.Errorf("%s: % x, want % x", g.name, g.encoded, want)
		}
	}
}

func TestGoldenDecode(t *testing.T) {
	check := func(name string, typ Type, data []byte, sgs ...ipv4.SG) {
		tlv := golden(t, name)
		h, err := ParseHeader(tlv)
		if err != nil || h != (Header{typ, len(tlv)}) {
			t.Fatalf("%s: %v, error %v", name, h, err)
		}
		got, err := ParseSourceActive(tlv)
		if err != nil || got.RP != rp || got.Len() != len(sgs) || !bytes.Equal(got.Data(), data) {
			t.Fatalf("%s: RP %v, %d entries, % x, error %v", name, got.RP, got.Len(), got.Data(), err)
		}
		for i, want := range sgs {
			if sg, plen := got.Entry(i); sg != want || plen != 32 {
				t.Errorf("%s: entry %d is %v, prefix length %d", name, i, sg, plen)
			}
		}
	}
	check("source_active", TypeSourceActive, nil, streamSG, otherSG)
	check("source_active_data", TypeSourceActive, streamPacket(t), streamSG)
	check("sa_response", TypeSAResponse, nil, streamSG)
	if got, err := ParseSARequest(golden(t, "sa_request")); err != nil || got.Group != streamSG.Group {
		t.Errorf("sa_request: %v, error %v", got.Group, err)
	}
	if h, err := ParseHeader(golden(t, "keepalive")); err != nil || h != (Header{TypeKeepAlive, 3}) {
		t.Errorf("keepalive: %v, error %v", h, err)
	}
}

// TestTshark has every TLV dissected by a program that knows nothing of this package: each in a
// segment of its own, then all in one. (A TLV across two segments is beyond tshark 4.0: it does
// not put MSDP's stream together.)
func TestTshark(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Fatal("tshark is not installed; tools/test installs it")
	}
	fields := []string{
		"msdp.type", "msdp.length", "msdp.sa.entry_count", "msdp.sa.rp_addr", "msdp.sa.reserved",
		"msdp.sa.sprefix_len", "msdp.sa.group_addr", "msdp.sa.src_addr", "msdp.sa_req.res",
		"msdp.sa_req.group_addr", "udp.dstport", "udp.length",
	}
	// Whatever tshark has to say against a packet shows in one of these.
	complaints := []string{
		"_ws.malformed", "_ws.expert.message", "msdp.trailing_junk", "msdp.unknown_data",
		"msdp.tlv_contents", "msdp.tlv_len.too_long", "msdp.tlv_len.too_short",
	}

	var segments [][]byte
	var want []map[string]string // by segment
	all := make(map[string][]string)
	var stream []byte
	for _, g := range goldens(t) {
		segments, want = append(segments, g.encoded), append(want, g.fields)
		stream = append(stream, g.encoded...)
		for k, v := range g.fields {
			all[k] = append(all[k], v)
		}
	}
	allJoined := make(map[string]string)
	for k, v := range all {
		allJoined[k] = strings.Join(v, ",")
	}
	segments, want = append(segments, stream), append(want, allJoined)

	file := filepath.Join(t.TempDir(), "msdp.pcap")
	if err := os.WriteFile(file, tcpCapture(segments), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-n", "-r", file, "-d", "tcp.port==639,msdp", "-o", "ip.check_checksum:TRUE",
		"-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE",
		"-T", "fields", "-E", "separator=|", "-E", "occurrence=a", "-E", "aggregator=,"}
	for _, f := range append(complaints, fields...) {
		args = append(args, "-e", f)
	}
	var stderr strings.Builder
	cmd := exec.Command(tshark, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) != len(segments) {
		t.Fatalf("%d lines for %d segments:\n%s", len(lines), len(segments), out)
	}
	for i, line := range lines {
		values := strings.Split(line, "|")
		for j, name := range complaints {
			if values[j] != "" {
				t.Errorf("segment %d: tshark complains: %s: %s", i, name, values[j])
			}
		}
		values = values[len(complaints):]
		for j, name := range fields {
			if values[j] != want[i][name] {
				t.Errorf("segment %d: tshark reads %s as %q, want %q", i, name, values[j], want[i][name])
			}
		}
	}
}

// TestTsharkNoticesDamage sees to it that the test above can fail.
func TestTsharkNoticesDamage(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Fatal("tshark is not installed; tools/test installs it")
	}
	damaged := golden(t, "source_active")
	damaged[3]++ // an entry that is not there
	file := filepath.Join(t.TempDir(), "msdp.pcap")
	if err := os.WriteFile(file, tcpCapture([][]byte{damaged}), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(tshark, "-n", "-r", file, "-d", "tcp.port==639,msdp",
		"-T", "fields", "-e", "_ws.malformed", "-e", "_ws.expert.message", "-e", "msdp.trailing_junk").Output()
	if err != nil || strings.TrimSpace(string(out)) == "" {
		t.Errorf("tshark finds nothing wrong with % x: %q, %v", damaged, out, err)
	}
}

// tcpCapture is a pcap file with one TCP connection to port 639 that carries segments.
func tcpCapture(segments [][]byte) []byte {
	le32 := func(b []byte, v uint32) []byte {
		return append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
	}
	be16 := func(b []byte, v int) []byte { return append(b, byte(v>>8), byte(v)) }
	// magic, version 2.4, time zone, accuracy, length limit, Ethernet
	file := le32(nil, 0xa1b2c3d4)
	file = append(file, 2, 0, 4, 0)
	for _, v := range []uint32{0, 0, 65535, 1} {
		file = le32(file, v)
	}
	src, dst := []byte{192, 0, 2, 1}, []byte{192, 0, 2, 2}
	seq := uint32(1000)
	for i, payload := range segments {
		tcp := be16(nil, 50639)
		tcp = be16(tcp, Port)
		tcp = append(tcp, byte(seq>>24), byte(seq>>16), byte(seq>>8), byte(seq))
		tcp = append(tcp, 0, 0, 0x10, 0)                  // acknowledgement
		tcp = append(tcp, 5<<4, 0x18, 0x40, 0)            // header length, PSH and ACK, window
		tcp = append(append(tcp, 0, 0, 0, 0), payload...) // checksum, urgent pointer
		pseudo := be16(append(append(bytes.Clone(src), dst...), 0, 6), len(tcp))
		copy(tcp[16:], be16(nil, checksum(append(pseudo, tcp...))))

		ip := be16([]byte{0x45, 0xc0}, 20+len(tcp))
		ip = append(ip, 0, byte(i), 0x40, 0, 64, 6, 0, 0) // identification, DF, TTL, TCP, checksum
		ip = append(append(ip, src...), dst...)
		copy(ip[10:], be16(nil, checksum(ip)))

		frame := []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0}
		frame = append(append(frame, ip...), tcp...)
		for _, v := range []uint32{uint32(i), 0, uint32(len(frame)), uint32(len(frame))} {
			file = le32(file, v)
		}
		file = append(file, frame...)
		seq += uint32(len(payload))
	}
	return file
}

// checksum is that of RFC 1071.
func checksum(b []byte) int {
	sum := 0
	for i, v := range b {
		if i%2 == 0 {
			sum += int(v) << 8
		} else {
			sum += int(v)
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^sum & 0xffff
}

func ExampleSourceActive() {
	tlv := AppendSourceActive(nil, ipv4.MustParse("192.0.2.1"), []ipv4.SG{
		{Source: ipv4.MustParse("198.51.100.10"), Group: ipv4.MustParse("239.1.2.3")},
	})
	sa, err := ParseSourceActive(tlv)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i := range sa.Len() {
		sg, _ := sa.Entry(i)
		fmt.Println(sa.RP, sg)
	}
	// Output: 192.0.2.1 (198.51.100.10,239.1.2.3)
}
