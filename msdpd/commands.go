package main

import (
	"encoding/json"
	"fmt"
	"io"

	"msdpd/vty"
)

// describeCommands prints what commands there are, for manuals and for programs that write configurations.
func describeCommands(sh *vty.Shell, stdout, stderr io.Writer) int {
	e := json.NewEncoder(stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(sh.Describe()); err != nil {
		fmt.Fprintf(stderr, "msdpd: %v\n", err)
		return 1
	}
	return 0
}
