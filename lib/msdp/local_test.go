package msdp

import "msdpd/lib/ipv4"

// register has a DR register (S,G) with the rig's RP, and the kernel take it.
func (r *rig) register(s ipv4.SG) {
	r.s.RegisterHeard(r.now, Register{OuterSource: ip("192.0.2.254"), OuterDestination: ip(rigRP), SG: s})
	r.s.KernelEntry(r.now, s, 2, 0)
}
