package main

import (
	"fmt"

	"msdpd/lib/msdp"
	"msdpd/vty"
)

// requests installs the commands about SA-Requests.
func (c *configurator) requests() {
	const (
		requestHelp = peerHelp + "SA-Requests and their answers\n"
		acceptHelp  = requestHelp + "Answer the peer's requests from the cache\n"
		listHelp    = "Only for some groups\nAn access list of groups\n"
	)
	c.both("msdp peer A.B.C.D$peer sa-request accept [list WORD$list]", acceptHelp+listHelp, configureAcceptRequests)
	c.both("msdp peer A.B.C.D$peer sa-request send", requestHelp+"Ask the peer for the sources of a group that gets receivers\n", configureSendRequests)
	// As IOS has it, which answers every peer's requests but those that are filtered.
	c.both("msdp sa-request A.B.C.D$peer", msdpHelp+"Ask a peer for the sources of a group that gets receivers\nThe peer's address\n", configureSendRequests)
	c.both("msdp filter-sa-request A.B.C.D$peer list WORD$list", msdpHelp+"Answer a peer's requests for some groups\nThe peer's address\n"+listHelp, configureAcceptRequests)
}

func configureAcceptRequests(s *settings, c *vty.Call) error {
	return changePeer(s, c, func(p *msdp.PeerConfig) {
		p.Requests.Accept, p.Requests.List = !c.No, ""
		if !c.No {
			p.Requests.List = c.Arg("list")
		}
	})
}

func configureSendRequests(s *settings, c *vty.Call) error {
	return changePeer(s, c, func(p *msdp.PeerConfig) { p.Requests.Send = !c.No })
}

func writePeerRequests(line func(string, ...any), p msdp.PeerConfig) {
	if p.Requests.Accept {
		line("ip msdp peer %s sa-request accept%s", p.Addr, optional(" list ", p.Requests.List))
	}
	if p.Requests.Send {
		line("ip msdp peer %s sa-request send", p.Addr)
	}
}

// saRequestsJSON counts SA-Requests and their answers.
type saRequestsJSON struct {
	Accept            bool   `json:"accept"`
	List              string `json:"acceptList,omitempty"`
	Send              bool   `json:"send"`
	Sent              uint64 `json:"requestsSent"`
	Received          uint64 `json:"requestsRcvd"`
	Refused           uint64 `json:"requestsRefused"`
	ResponsesSent     uint64 `json:"responsesSent"`
	ResponsesReceived uint64 `json:"responsesRcvd"`
}

func peerRequests(p msdp.PeerStatus) saRequestsJSON {
	n := p.Counters
	return saRequestsJSON{
		Accept: p.Requests.Accept, List: p.Requests.List, Send: p.Requests.Send,
		Sent: n.RequestsSent, Received: n.RequestsReceived, Refused: n.RequestsRefused,
		ResponsesSent: n.ResponsesSent, ResponsesReceived: n.ResponsesReceived,
	}
}

func printPeerRequests(c *vty.Call, p msdp.PeerStatus) {
	n := p.Counters
	if n.RequestsSent+n.RequestsReceived+n.ResponsesSent+n.ResponsesReceived > 0 {
		c.Printf("    SA Requests: %10d %10d\n", n.RequestsSent, n.RequestsReceived)
		c.Printf("    Responses  : %10d %10d\n", n.ResponsesSent, n.ResponsesReceived)
	}
	if n.RequestsRefused > 0 {
		c.Printf("  %-19s : %s\n", "SA Requests refused", fmt.Sprint(n.RequestsRefused))
	}
}
