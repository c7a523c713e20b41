package main

import (
	"fmt"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"msdpd/vty"
)

func TestShowLogging(t *testing.T) {
	r := newShellRig(t)
	r.d.options.log, r.d.options.logLevel = "file:/var/log/frr/started.log", zap.WarnLevel
	log := zap.New(targetsCore{logTargets: newLogTargets(logDir, zapcore.NewNopCore(), "file", &vty.Monitor{}, r.d.recent)})
	log.Debug("not kept")
	log.Named("msdp").With(zap.String("peer", "10.0.0.2")).Warn("peer down")
	log.Error("no disk")
	r.d.logDir = t.TempDir()
	path := r.d.logDir + "/msdpd.log"
	r.run("configure terminal", "log file "+path+" warnings", "no log monitor", "end")
	text := r.run("show logging")
	for _, want := range []string{
		"Syslog logging: disabled\nStdout logging: disabled\nMonitor logging: disabled\nFile logging: level warnings, filename " + path + "\n" +
			"Option --log logging: level warnings, filename /var/log/frr/started.log\n",
		"1 errors, 1 warnings, 0 informational lines; the latest 2:",
		`WARN msdp peer down {"peer": "10.0.0.2"}` + "\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	v := decode(t, r.run("show logging json"))
	lines := v["lines"].([]any)
	if len(lines) != 2 || !strings.HasSuffix(lines[1].(string), "ERROR no disk") || v["counts"].(map[string]any)["warnings"] != 1.0 {
		t.Errorf("as JSON: %v", v)
	}

	for i := range 3 * recentLength {
		log.Info(fmt.Sprint("line ", i))
	}
	kept, _ := r.d.recent.all()
	if len(kept) != recentLength || !strings.Contains(kept[0], fmt.Sprintf("line %d\n", 2*recentLength)) || !strings.Contains(kept[recentLength-1], fmt.Sprintf("line %d\n", 3*recentLength-1)) {
		t.Errorf("%d lines are kept, from %q", len(kept), kept[0])
	}
}
