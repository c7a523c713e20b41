//go:build lab

// Package scenarios are networks with real FRR in which msdpd has to do what an operator
// relies on. Each test says what that is.
package scenarios

import (
	"testing"
	"time"

	"msdpd/tools/lab"
)

func TestMain(m *testing.M) { lab.Main(m) }

// patience keeps a failing test from hanging. No scenario measures by it.
const patience = 30 * time.Second

// poll is how often a condition is looked at, where a figure is told from it.
const poll = 10 * time.Millisecond
