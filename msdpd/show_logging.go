package main

import (
	"cmp"
	"fmt"
	"strings"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"msdpd/vty"
)

func (d *daemon) installShowLogging(sh *vty.Shell) {
	sh.Install(sh.View, "show logging [json$json]",
		"Show running system information\nWhere the log goes, and its latest lines\nAs JSON\n", d.showLogging)
}

// frrLevels are FRR's words for our levels.
var frrLevels = map[zapcore.Level]string{
	zap.ErrorLevel: "errors", zap.WarnLevel: "warnings", zap.InfoLevel: "informational", zap.DebugLevel: "debugging",
}

// logPlace is one place where the log goes; no level is nowhere.
type logPlace struct{ name, title, level, file string }

// places are where the log goes by the configuration, and by the options where that says nothing.
func (l *logSettings) places(o options) []logPlace {
	syslog := logPlace{name: "syslog", title: "Syslog", level: l.syslog}
	stdout := logPlace{name: "stdout", title: "Stdout", level: l.stdout}
	option := logPlace{name: "option", title: "Option --log", level: frrLevels[o.logLevel]}
	switch kind, path, _ := strings.Cut(o.log, ":"); kind {
	case "syslog":
		syslog.level = cmp.Or(syslog.level, option.level)
	case "stdout":
		stdout.level = cmp.Or(stdout.level, option.level)
	default:
		option.file = path
	}
	places := []logPlace{
		syslog, stdout, {name: "monitor", title: "Monitor", level: l.monitor},
		{name: "file", title: "File", level: l.file, file: l.path},
	}
	if option.file != "" { // beside the file of the configuration
		places = append(places, option)
	}
	return places
}

func (d *daemon) showLogging(c *vty.Call) error {
	s, err := d.instance.snapshot()
	if err != nil {
		return err
	}
	lines, counts := d.recent.all()
	if c.Has("json") {
		places, counted := map[string]any{}, map[string]uint64{}
		for _, p := range s.log.places(d.options) {
			place := map[string]any{"enabled": p.level != ""}
			if p.level != "" {
				place["level"] = p.level
			}
			if p.file != "" {
				place["filename"] = p.file
			}
			places[p.name] = place
		}
		for level, n := range counts {
			counted[frrLevels[level]] = n
		}
		for i := range lines {
			lines[i] = strings.TrimSuffix(lines[i], "\n")
		}
		out := newJSONObject(c)
		out.member("logging", places)
		out.member("counts", counted)
		out.member("lines", append([]string{}, lines...))
		return out.close()
	}
	for _, p := range s.log.places(d.options) {
		text := "disabled"
		if p.level != "" {
			text = "level " + p.level + optional(", filename ", p.file)
		}
		c.Printf("%s logging: %s\n", p.title, text)
	}
	c.Printf("Since the start: %d errors, %d warnings, %d informational lines; the latest %d:\n\n",
		counts[zap.ErrorLevel], counts[zap.WarnLevel], counts[zap.InfoLevel], len(lines))
	for _, line := range lines {
		if _, err := fmt.Fprint(c, line); err != nil {
			return err
		}
	}
	return nil
}
