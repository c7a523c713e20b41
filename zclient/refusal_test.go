package zclient

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
)

// A zebra that refuses is an error that says what to do, once however often it refuses.
func TestClientRefused(t *testing.T) {
	for _, tt := range []struct {
		name, word string
		send       []byte
	}{
		{"closed at the greeting", "say which one by --zebra-version", nil},
		{"another version", "only version 6 is known here: run FRR 7.5 to 10.7", []byte{0, 10, 254, 5, 0, 0, 0, 0, 0, 19}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t).listen()
			for range 4 {
				z := s.accept()
				z.send(tt.send)
				z.Close()
			}
			z := s.accept() // so the fourth is over
			warnings := s.logs.FilterMessageSnippet("no session comes up").All()
			if len(warnings) != 1 || !strings.Contains(warnings[0].ContextMap()["error"].(string), tt.word) {
				t.Errorf("warnings %v, want one with %q", warnings, tt.word)
			}
			if st := s.client.Status(); st.Connected || !strings.Contains(st.Error, tt.word) {
				t.Errorf("status %+v", st)
			}
			z.send(greeting(t)) // a better one has come
			s.want("up 8.4.4")
		})
	}
}

// After refusals the pauses grow, but another zebra is not kept waiting.
func TestClientRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		socket := filepath.Join(t.TempDir(), "zserv.api")
		put := func() {
			// Not the same file again: its number may be reused.
			fresh := socket + ".new"
			if err := os.WriteFile(fresh, nil, 0o600); err != nil {
				t.Error(err)
			}
			if err := os.Rename(fresh, socket); err != nil {
				t.Error(err)
			}
		}
		put()
		c := New(Config{Socket: socket, Log: zap.NewNop()})
		for refused, want := range []time.Duration{1, 1, 2, 4, 8, 16, 30, 30} {
			began := time.Now()
			if c.rest(context.Background(), refused); time.Since(began) != want*time.Second {
				t.Errorf("after %d refusals %v, want %d s", refused, time.Since(began), want)
			}
		}
		began := time.Now()
		time.AfterFunc(2500*time.Millisecond, put)
		if c.rest(context.Background(), 100); time.Since(began) != 3*time.Second {
			t.Errorf("another zebra waits %v, want until the next second", time.Since(began))
		}
		ctx, cancel := context.WithTimeout(context.Background(), 1500*time.Millisecond)
		defer cancel()
		began = time.Now()
		if c.rest(ctx, 100); time.Since(began) != 1500*time.Millisecond {
			t.Errorf("the end was noticed after %v", time.Since(began))
		}
	})
}

func TestCheckRelease(t *testing.T) {
	for _, s := range []string{"8.4", "10.7.1", "7.5.1"} {
		if err := CheckRelease(s); err != nil {
			t.Error(err)
		}
	}
	for _, s := range []string{"", "8", "frr8.4", "8.4-dev", "8.4.4.4", " 8.4"} {
		if err := CheckRelease(s); err == nil || !strings.Contains(err.Error(), s) {
			t.Errorf("%q: %v", s, err)
		}
	}
}
