package vty

// Telnet's commands (RFC 854) and options.
const (
	telnetSE   = 240
	telnetBRK  = 243
	telnetIP   = 244
	telnetAYT  = 246
	telnetSB   = 250
	telnetWILL = 251
	telnetWONT = 252
	telnetDO   = 253
	telnetDONT = 254
	telnetIAC  = 255

	optionEcho = 1  // RFC 857
	optionSGA  = 3  // RFC 858
	optionNAWS = 31 // RFC 1073
)

// telnetHello asks for a character at a time, echoed by us, and for the window's size.
var telnetHello = []byte{
	telnetIAC, telnetWILL, optionEcho,
	telnetIAC, telnetWILL, optionSGA,
	telnetIAC, telnetDO, optionNAWS,
}

// keyInterrupt is Ctrl-C, and what Telnet's Interrupt Process and Break are taken for.
const keyInterrupt = 3

// telnet decodes what a client sends. It keeps a handful of octets, whatever comes.
type telnet struct {
	state  telnetState
	verb   byte
	sub    [5]byte // an option and its first four octets
	subLen int
	cr     bool // the last octet was a carriage return
	// width and height are the window's, 0 if the client has not said.
	width, height int
}

type telnetState uint8

const (
	inData telnetState = iota
	afterIAC
	afterVerb
	inSub
	inSubAfterIAC
)

// decode appends to data what the client typed, with a carriage return for every end of a line,
// and to reply what is to be said to its commands: at most one answer to each.
func (t *telnet) decode(data, reply, in []byte) (typed, answer []byte) {
	for _, c := range in {
		switch t.state {
		case inData:
			if c == telnetIAC {
				t.state = afterIAC
				continue
			}
			data = t.octet(data, c)
		case afterIAC:
			t.state = inData
			switch c {
			case telnetIAC:
				data = t.octet(data, c)
			case telnetWILL, telnetWONT, telnetDO, telnetDONT:
				t.verb, t.state = c, afterVerb
			case telnetSB:
				t.subLen, t.state = 0, inSub
			case telnetIP, telnetBRK:
				data = append(data, keyInterrupt)
			case telnetAYT:
				reply = append(reply, "\r\n[yes]\r\n"...)
			}
		case afterVerb:
			t.state = inData
			reply = answerOption(reply, t.verb, c)
		case inSub:
			if c == telnetIAC {
				t.state = inSubAfterIAC
				continue
			}
			t.keep(c)
		case inSubAfterIAC:
			switch c {
			case telnetIAC:
				t.state = inSub
				t.keep(c)
			default: // SE, or a client that forgot it
				t.state = inData
				t.subnegotiated()
			}
		}
	}
	return data, reply
}

// octet appends one octet of data. A line ends with CR LF, CR NUL, or from a client that does
// not speak Telnet with LF or CR.
func (t *telnet) octet(data []byte, c byte) []byte {
	afterCR := t.cr
	t.cr = c == '\r'
	switch {
	case c == 0, c == '\n' && afterCR:
		return data
	case c == '\n':
		return append(data, '\r')
	}
	return append(data, c)
}

// answerOption refuses every option but those that telnetHello has asked for, which need no answer.
func answerOption(reply []byte, verb, option byte) []byte {
	switch {
	case verb == telnetDO && option != optionEcho && option != optionSGA:
		return append(reply, telnetIAC, telnetWONT, option)
	case verb == telnetWILL && option == optionSGA:
		return append(reply, telnetIAC, telnetDO, option)
	case verb == telnetWILL && option != optionNAWS:
		return append(reply, telnetIAC, telnetDONT, option)
	}
	return reply
}

func (t *telnet) keep(c byte) {
	if t.subLen < len(t.sub) {
		t.sub[t.subLen] = c
		t.subLen++
	}
}

func (t *telnet) subnegotiated() {
	if t.subLen == len(t.sub) && t.sub[0] == optionNAWS {
		t.width = int(t.sub[1])<<8 | int(t.sub[2])
		t.height = int(t.sub[3])<<8 | int(t.sub[4])
	}
}
