// Package acl holds access lists and prefix lists as FRR and Cisco know them: what they
// say, how they are written, and what they permit.
//
// [Lists] is a set of named lists. Its zero value is empty and usable. A list in it never
// changes: what changes a line puts a new list in the old one's place. So a *AccessList or
// *PrefixList may be kept and used by anyone, and one that was kept is still the list of that
// name if the pointers are equal. Methods that ask a list work on nil too, which is the list
// that does not exist: it permits nothing.
//
// # What an access list matches
//
// Lines are tried by sequence number, the first that matches decides, and behind the last
// stands a deny. A line with two ranges ("extended": permit ip SOURCES GROUPS) matches an
// (S,G) by both. A line with one range ("standard") matches an (S,G) by its group, as FRR's
// pimd has it. exact-match, which FRR allows behind A.B.C.D/M, asks for a prefix of just that
// length, and an address is one of 32 bits.
//
// Where the list is about an address, such as that of an RP, a standard line matches that
// address. An extended line does by its sources if its groups are any: a line about certain
// groups says nothing about an RP.
//
// FRR's pimd tries the lines with a wildcard mask, `host` or `any` before those with
// A.B.C.D/M, whatever their numbers; here the numbers are the order, for both.
//
// # What a prefix list matches
//
// A prefix is matched as everywhere: without ge and le, the length has to be that of the line.
// An address (`ip msdp default-peer X prefix-list P` asks about that of an RP) is matched by
// a line without ge and le if it is in the prefix: Cisco's manual has
//
//	ip msdp default-peer 10.1.1.1 prefix-list site-b
//	ip prefix-list site-b permit 10.0.0.0/8
//
// and says that the peer is the default for the RPs in the prefixes of the list. With ge or le
// an address counts as a prefix of 32 bits.
//
// # How a list is written
//
// Line.String, PrefixLine.String and Lists.All give the commands in FRR's spelling; Cisco's
// are read as well. Numbers 1-99 and 1300-1999 are lists of standard lines, 100-199 and
// 2000-2699 of extended ones, a list of any other name may have both.
//
// [Border] is a list that is always there.
package acl
