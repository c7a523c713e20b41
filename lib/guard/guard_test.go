package guard

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// TestKeyIsNeverShown: whatever prints a key, alone or within something, shows none of it.
func TestKeyIsNeverShown(t *testing.T) {
	const secret = "abracadabra"
	k := Key(secret)
	holder := struct{ Guards map[string]*Guard }{map[string]*Guard{"peer": {Key: k, Hops: 1}}}
	texts := map[string]string{"String": k.String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%10s", "%T %v"} {
		texts[verb] = fmt.Sprintf(verb, k) + fmt.Sprintf(verb, Guard{Key: k}) + fmt.Sprintf(verb, []Key{k})
	}
	text, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	texts["JSON"] = string(text)
	entry, err := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()).EncodeEntry(zapcore.Entry{}, []zap.Field{
		zap.Stringer("a", k), zap.Any("b", k), zap.Any("c", holder), zap.Reflect("d", Guard{Key: k}), zap.Error(k.Validate()),
	})
	if err != nil {
		t.Fatal(err)
	}
	texts["zap"] = entry.String()
	texts["error"] = fmt.Sprint(Key(strings.Repeat(secret, 9)).Validate())
	for how, text := range texts {
		for _, shown := range []string{secret, secret[:4], fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret), fmt.Sprint([]byte(secret))} {
			if strings.Contains(text, shown) {
				t.Errorf("%s shows %q", how, text)
			}
		}
	}
	if got := k.Reveal(); got != secret {
		t.Errorf("Reveal: %q", got)
	}
	if got := Key("").String(); got != "" {
		t.Errorf("no key is shown as %q", got)
	}
}

func TestValidate(t *testing.T) {
	for _, tc := range []struct {
		guard Guard
		bad   bool
	}{
		{Guard{}, false},
		{Guard{Key: Key(strings.Repeat("k", 80)), Hops: 254}, false},
		{Guard{Key: Key(strings.Repeat("k", 81))}, true},
		{Guard{Key: Key(strings.Repeat("é", 41))}, true},
		{Guard{Hops: 255}, true},
	} {
		if err := tc.guard.Validate(); (err != nil) != tc.bad {
			t.Errorf("%d octets, %d hops: error %v", len(tc.guard.Key), tc.guard.Hops, err)
		}
	}
}

func TestMinTTL(t *testing.T) {
	for hops, want := range map[uint8]int{0: 0, 1: 255, 2: 254, 254: 2} {
		if got := (Guard{Hops: hops}).MinTTL(); got != want {
			t.Errorf("%d hops: %d, want %d", hops, got, want)
		}
	}
}
