package vty

import (
	"context"
	"encoding/json"
	"io"
	"strings"
)

// Enquiry begins a line on the socket by which a shell of ours asks what a person's terminal
// needs and no command of FRR's tells. It is a control character (ENQ), so that it is no
// beginning of any command: who speaks FRR's protocol sees no difference, and a daemon that does
// not know it answers NoMatch.
//
// What follows is one of:
//
//	standing         a Standing
//	complete LINE    an array of Candidate, as Complete returns them for the session
//	shown LINE       a string: the line without its secrets
//
// Answers are one line of JSON.
const Enquiry = '\x05'

// The enquiries, with Enquiry before and the line behind them.
const (
	AskStanding = string(Enquiry) + "standing"
	AskComplete = string(Enquiry) + "complete "
	AskShown    = string(Enquiry) + "shown "
)

// Standing is where a session stands.
type Standing struct {
	// Prompt is what Session.Prompt returns.
	Prompt string `json:"prompt"`
	// Mode is the mode's name.
	Mode string `json:"mode"`
	// Configuring is true in the configuration and the modes within.
	Configuring bool `json:"configuring"`
	// Holds is true where the session has a note in its prompt: something that ends with it, such
	// as changes that are collected.
	Holds bool `json:"holds,omitempty"`
	// Neighbors is Config.Neighbors.
	Neighbors string `json:"neighbors,omitempty"`
}

// answer runs a line of the socket: an enquiry or a command.
func (s *Shell) answer(ctx context.Context, session *Session, line string, w io.Writer) Status {
	if !strings.HasPrefix(line, string(Enquiry)) {
		return s.Execute(ctx, session, line, w)
	}
	var reply any
	if line == AskStanding {
		reply = Standing{
			Prompt: session.Prompt(), Mode: session.mode.Name, Configuring: session.mode.within(s.Config),
			Holds: session.note != "", Neighbors: s.config.Neighbors,
		}
	} else if text, ok := strings.CutPrefix(line, AskComplete); ok {
		reply = append([]Candidate{}, s.Complete(session, text)...)
	} else if text, ok := strings.CutPrefix(line, AskShown); ok {
		reply, _ = s.hide(text)
	} else {
		_, _ = io.WriteString(w, "% Unknown enquiry\n") // a reader that is gone needs none
		return NoMatch
	}
	// There is nothing in these that JSON has no form for; a reader that is gone needs no answer.
	_ = json.NewEncoder(w).Encode(reply)
	return Success
}
