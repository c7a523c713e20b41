package lab

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
)

// queryVty speaks FRR's vty protocol: a line and a NUL go in; text, three NULs and a status octet come out.
func queryVty(ctx context.Context, socket string, lines ...string) (string, error) {
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, "unix", socket)
	if err != nil {
		return "", err
	}
	defer c.Close() //nolint:errcheck // nothing is buffered
	if deadline, ok := ctx.Deadline(); ok {
		if err := c.SetDeadline(deadline); err != nil {
			return "", err
		}
	}
	r := bufio.NewReader(c)
	var out strings.Builder
	for _, line := range lines {
		if _, err := io.WriteString(c, line+"\x00"); err != nil {
			return out.String(), fmt.Errorf("%q: %w", line, err)
		}
		text, err := r.ReadString(0)
		out.WriteString(strings.TrimSuffix(text, "\x00"))
		var end [3]byte
		if err == nil {
			_, err = io.ReadFull(r, end[:])
		}
		if err != nil {
			return out.String(), fmt.Errorf("%q: %w", line, err)
		}
		if end[2] != 0 {
			return out.String(), fmt.Errorf("%q is not accepted (status %d): %s", line, end[2], strings.TrimSpace(text))
		}
	}
	return out.String(), nil
}
