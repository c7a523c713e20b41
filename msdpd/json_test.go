package main

import (
	"bytes"
	"encoding/json"
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
