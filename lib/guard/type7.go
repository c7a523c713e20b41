package guard

import (
	"encoding/hex"
	"errors"
	"strconv"
)

// pad is what Cisco's type 7 encoding combines a password with. It is the same everywhere,
// so that the encoding hides nothing from anybody who knows it.
const pad = "dsfd;kfoA,.iyewrkldJKDHSUBsgvca69834ncxv9873254k;fg87"

// Type7 decodes a password as Cisco's configurations show it: two digits that say where in the
// pad to begin, then the octets in hexadecimal. The error does not tell the password.
func Type7(text string) (Key, error) {
	if len(text) < 4 {
		return "", errors.New("a type 7 password has two digits and then the octets in hexadecimal")
	}
	start, err := strconv.ParseUint(text[:2], 10, 8)
	if err != nil || int(start) >= len(pad) {
		return "", errors.New("a type 7 password begins with two digits, 00 to 52")
	}
	octets, err := hex.DecodeString(text[2:])
	if err != nil {
		return "", errors.New("a type 7 password has pairs of hexadecimal digits behind the first two")
	}
	for i := range octets {
		octets[i] ^= pad[(int(start)+i)%len(pad)]
		if octets[i] <= ' ' || octets[i] == 0x7f {
			return "", errors.New("that type 7 password has a space or a control character, which no line can hold")
		}
	}
	return Key(octets), nil
}
