package main

import "fmt"

// joinLimits bound what the PIM daemon is made to join. 0: the default.
type joinLimits struct {
	total    int // sources of all groups
	perGroup int // sources of a group; what pimd bears is another bound
}

const (
	// defaultJoins is how many sources are joined in all, and defaultGroupJoins how many of a
	// group while pimd has not said which release it is.
	defaultJoins      = 10000
	defaultGroupJoins = 180
)

// all is how many sources are joined at most.
func (j joinLimits) all() int {
	if j.total == 0 {
		return defaultJoins
	}
	return j.total
}

// ofGroup is how many sources of a group are joined at most where pimd bears so many; 0 is no
// bound.
func (j joinLimits) ofGroup(bears int) int {
	if j.perGroup == 0 || j.tooMany(bears) {
		return bears
	}
	return j.perGroup
}

// tooMany reports whether more sources of a group are allowed than pimd bears.
func (j joinLimits) tooMany(bears int) bool { return bears != 0 && j.perGroup > bears }

// limitJoins bounds the joined sources by what pimd bears of a group, 0 is any number, and by
// what is configured.
func (in *instance) limitJoins(bears int) {
	w := &in.world
	w.bearsJoins, w.groupJoins = bears, in.settings.joins.ofGroup(bears)
	in.joiner.SetLimits(in.now, in.settings.joins.all(), w.groupJoins)
}

// joinLimitTooHigh says that a configured limit is not used; "" where it is.
func (in *instance) joinLimitTooHigh() string {
	if j, bears := in.settings.joins, in.world.bearsJoins; j.tooMany(bears) {
		return fmt.Sprintf("`ip msdp join-limit %d per-group %d` is not used for groups: pimd %s dies of more than %d sources of one, so %d it is",
			j.total, j.perGroup, orUnknown(in.world.pimd.Release), bears, bears)
	}
	return ""
}

func orUnknown(release string) string {
	if release == "" {
		return "of an unknown release"
	}
	return release
}

// joinStatus is what an operator sees of the limits on joins.
type joinStatus struct {
	Limit      int    `json:"limit"`
	PerGroup   int    `json:"perGroup"` // 0: any number
	Configured bool   `json:"configured"`
	Joined     int    `json:"joined"`
	Refused    int    `json:"limited"` // at the moment
	Note       string `json:"note,omitempty"`
}

func (in *instance) joinStatus() joinStatus {
	j, stats := in.settings.joins, in.joiner.Stats()
	st := joinStatus{
		Limit: j.all(), PerGroup: in.world.groupJoins, Configured: j.total != 0,
		Joined: stats.Wanted - stats.Limited - stats.NoRP, Refused: stats.Limited, Note: in.joinLimitTooHigh(),
	}
	if st.Note == "" && j.perGroup == 0 {
		st.Note = "by default, what pimd bears"
	}
	return st
}
