package msdp

import (
	"go.uber.org/zap"

	"msdpd/lib/ipv4"
)

// resolveOriginator makes the originator-id that of the configuration: where it names an
// interface, the first address of that, but the one in use as long as it is there. Without
// an address there is no originator-id.
func (s *Speaker) resolveOriginator() {
	old, oldTrouble := s.originator, s.originatorTrouble
	name := s.config.OriginatorInterface
	s.originator, s.originatorTrouble = s.config.OriginatorID, ""
	if name == "" {
		return
	}
	s.originator = s.firstAddress(name, old)
	switch {
	case s.originator != 0:
		if s.originator != old {
			s.log.Info("originator-id", zap.Stringer("rp", s.originator), zap.String("interface", name))
		}
	case len(s.interfaces.All()) == 0: // nobody has told the interfaces yet
	default:
		s.originatorTrouble = "originator-id: interface " + name + " has no IPv4 address; SAs carry " + s.insteadOfOriginator()
		if s.originatorTrouble != oldTrouble {
			s.log.Warn(s.originatorTrouble)
		}
	}
}

func (s *Speaker) insteadOfOriginator() string {
	if a := s.fixedOriginator(); a != ipv4.Addr(0) {
		return "the source of the mesh group, " + a.String()
	}
	return "the RP's address"
}
