//go:build race

package lab

// raceEnabled: what this program builds gets the race detector that it has itself.
const raceEnabled = true
