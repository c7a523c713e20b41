package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"testing"
)

func TestJSONObjectIsWrittenAsFRRWritesIt(t *testing.T) {
	var b bytes.Buffer
	out := newJSONObject(&b)
	out.member("10.0.0.1", map[string]any{"text": "a \": b: \\", "n": 3, "x: y": map[string]string{"k": ": "}, "z": []any{1, "{", []int{}, map[string]int{}}})
	inner := out.object("inner")
	inner.member("x", []string{})
	inner.closeMember()
	out.object("empty").closeMember()
	if err := out.close(); err != nil {
		t.Fatal(err)
	}
	want := `{
  "10.0.0.1":{
    "n":3,
    "text":"a \": b: \\",
    "x: y":{
      "k":": "
    },
    "z":[
      1,
      "{",
      [],
      {}
    ]
  },
  "inner":{
    "x":[]
  },
  "empty":{}
}
`
	if b.String() != want {
		t.Errorf("got\n%s", b.String())
	}
	var back map[string]any
	if err := json.Unmarshal(b.Bytes(), &back); err != nil {
		t.Error(err)
	}
}

func TestEmptyJSONObject(t *testing.T) {
	var b bytes.Buffer
	if err := newJSONObject(&b).close(); err != nil || b.String() != "{}\n" {
		t.Errorf("%q, %v", b.String(), err)
	}
}

// brokenWriter takes so many writes.
type brokenWriter struct {
	bytes.Buffer
	left int
}

func (w *brokenWriter) Write(p []byte) (int, error) {
	if w.left--; w.left < 0 {
		return 0, io.ErrClosedPipe
	}
	return w.Buffer.Write(p)
}

func writeManyMembers(w io.Writer) (want map[string]string, err error) {
	want = make(map[string]string)
	out := newJSONObject(w)
	for i, text := range []string{"10.0.0.1", "", `a " and \`, "é", "\x7f", "\n\t", "<&>", "{[,:]}"} {
		for k := range 200 {
			name := fmt.Sprintf("%d.%d", i, k)
			want[name] = text
			out.text(name, text)
		}
	}
	return want, out.close()
}

func TestMuchJSONIsWhole(t *testing.T) {
	var b bytes.Buffer
	want, err := writeManyMembers(&b)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	if err := json.Unmarshal(b.Bytes(), &got); err != nil || !maps.Equal(got, want) {
		t.Errorf("%v: %d members of %d, or other ones", err, len(got), len(want))
	}
	if b.Len() < 4*jsonOutputBytes {
		t.Errorf("%d octets are not much", b.Len())
	}
}

func TestReaderOfJSONWhoGoesAway(t *testing.T) {
	w := &brokenWriter{left: 2}
	if _, err := writeManyMembers(w); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the error is %v", err)
	}
	if w.Len() < 2*jsonOutputBytes || w.Len() > 3*jsonOutputBytes {
		t.Errorf("%d octets were taken before", w.Len())
	}
}
