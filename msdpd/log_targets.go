package main

import (
	"fmt"
	"log/syslog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"msdpd/vty"
)

// logSettings are what the configuration says of the log, beside the option --log.
type logSettings struct {
	// The levels are FRR's words; "" is none.
	file, syslog, stdout, monitor string
	path                          string // of the file
	precision                     int    // digits of a second; below 0: the default
}

func newLogSettings() logSettings { return logSettings{monitor: "debugging", precision: -1} }

// logLevels are FRR's words for levels and ours.
var logLevels = map[string]zapcore.Level{
	"emergencies": zap.ErrorLevel, "alerts": zap.ErrorLevel, "critical": zap.ErrorLevel, "errors": zap.ErrorLevel,
	"warnings": zap.WarnLevel, "notifications": zap.InfoLevel, "informational": zap.InfoLevel, "debugging": zap.DebugLevel,
}

// logDir is the directory that `log file` of an installed msdpd writes below.
const logDir = "/var/log"

// write prints the commands.
func (l *logSettings) write(line func(string, ...any)) {
	if l.path != "" {
		line("log file %s %s", l.path, l.file)
	}
	if l.syslog != "" {
		line("log syslog %s", l.syslog)
	}
	if l.stdout != "" {
		line("log stdout %s", l.stdout)
	}
	switch l.monitor {
	case "":
		line("no log monitor")
	case "debugging":
	default:
		line("log monitor %s", l.monitor)
	}
	if l.precision >= 0 {
		line("log timestamp precision %d", l.precision)
	}
}

// openLogFile opens a file of the configuration, which is below dir.
func openLogFile(dir, path string) (*os.File, error) {
	root, name, err := openBelow(dir, path)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if err := checkPlain(root, name); err != nil {
		return nil, err
	}
	// If a pipe has come in the meantime, its opening must not wait for who reads it.
	f, err := root.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY|syscall.O_NONBLOCK, 0o640)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// logTargets are where the log goes. They may be changed while it is written to.
type logTargets struct {
	base    zapcore.Core // of the options
	baseOf  string       // stdout, syslog or file
	dir     string       // files of the configuration are below it
	monitor *vty.Monitor
	recent  *recentLog

	mu      sync.Mutex
	targets atomic.Pointer[[]logTarget]
	closers []func() error
	applied logSettings
}

// logTarget is one place where the log goes. anyDebug: what is debugged goes there at any level.
type logTarget struct {
	zapcore.Core
	anyDebug bool
}

func newLogTargets(dir string, base zapcore.Core, baseOf string, monitor *vty.Monitor, recent *recentLog) *logTargets {
	t := &logTargets{base: base, baseOf: baseOf, dir: dir, monitor: monitor, recent: recent}
	t.targets.Store(&[]logTarget{{base, true}, {recent, false}})
	return t
}

// apply opens what the settings name and closes what they no longer do. What cannot be opened is
// an error, and left out.
func (t *logTargets) apply(l logSettings) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.open(l)
}

// reopen goes on in a new file where logrotate renamed that of the configuration.
func (t *logTargets) reopen() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.applied.path == "" {
		return nil
	}
	return t.open(t.applied)
}

// open is apply with the lock held.
func (t *logTargets) open(l logSettings) error {
	t.applied = l
	encoding := logEncoding(l.precision)
	targets := []logTarget{{t.recent, false}}
	add := func(c zapcore.Core) { targets = append(targets, logTarget{Core: c}) }
	var closers []func() error
	var failed error
	if t.baseOf != "stdout" && t.baseOf != "syslog" || t.baseOf == "stdout" && l.stdout == "" || t.baseOf == "syslog" && l.syslog == "" {
		targets = append(targets, logTarget{t.base, true})
	}
	if l.stdout != "" {
		add(zapcore.NewCore(zapcore.NewConsoleEncoder(encoding), zapcore.Lock(os.Stdout), logLevels[l.stdout]))
	}
	if l.path != "" {
		f, err := openLogFile(t.dir, l.path)
		if err == nil {
			closers = append(closers, f.Close)
			add(zapcore.NewCore(zapcore.NewConsoleEncoder(encoding), zapcore.Lock(f), logLevels[l.file]))
		} else {
			failed = fmt.Errorf("log file: %w", err)
		}
	}
	if l.syslog != "" {
		w, err := syslog.New(syslog.LOG_DAEMON|syslog.LOG_INFO, "msdpd")
		if err == nil {
			closers = append(closers, w.Close)
			add(newSyslogCore(encoding, logLevels[l.syslog], w))
		} else {
			failed = fmt.Errorf("log syslog: %w", err)
		}
	}
	if l.monitor != "" {
		add(monitorCore{zapcore.NewConsoleEncoder(encoding), logLevels[l.monitor], t.monitor})
	}
	t.targets.Store(&targets)
	for _, c := range t.closers {
		_ = c() // a line that is being written to it may be lost
	}
	t.closers = closers
	return failed
}

// logEncoding is how a line looks. Precision is the number of digits of a second, three below 0.
func logEncoding(precision int) zapcore.EncoderConfig {
	encoding := zap.NewProductionEncoderConfig()
	encoding.EncodeTime = zapcore.ISO8601TimeEncoder
	if precision >= 0 {
		layout := "2006-01-02T15:04:05" + strings.TrimSuffix("."+strings.Repeat("0", precision), ".") + "Z0700"
		encoding.EncodeTime = func(at time.Time, e zapcore.PrimitiveArrayEncoder) { e.AppendString(at.Format(layout)) }
	}
	encoding.EncodeLevel = zapcore.CapitalLevelEncoder
	encoding.ConsoleSeparator = " "
	return encoding
}

// targetsCore is a core that writes to all targets there are at that time.
type targetsCore struct {
	*logTargets
	fields []zapcore.Field
}

// Enabled implements zapcore.Core.
func (c targetsCore) Enabled(level zapcore.Level) bool {
	for _, core := range *c.targets.Load() {
		if core.Enabled(level) {
			return true
		}
	}
	return false
}

// With implements zapcore.Core.
func (c targetsCore) With(fields []zapcore.Field) zapcore.Core {
	return targetsCore{c.logTargets, append(slices.Clip(c.fields), fields...)}
}

// Check implements zapcore.Core.
func (c targetsCore) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return ce.AddCore(e, c)
	}
	return ce
}

// Write implements zapcore.Core.
func (c targetsCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	var failed error
	all := append(slices.Clip(c.fields), fields...)
	for _, core := range *c.targets.Load() {
		if core.Enabled(e.Level) {
			if err := core.Write(e, all); err != nil {
				failed = err
			}
		}
	}
	return failed
}

// Sync implements zapcore.Core.
func (targetsCore) Sync() error { return nil }

// debugCore writes what an operator watches: to the log of the options at any level, because who
// asks for it wants to see it, and to the targets of the configuration that have the level.
type debugCore struct{ *logTargets }

// Enabled implements zapcore.Core.
func (debugCore) Enabled(zapcore.Level) bool { return true }

// With implements zapcore.Core; there are no fields but those of a line.
func (c debugCore) With([]zapcore.Field) zapcore.Core { return c }

// Check implements zapcore.Core.
func (c debugCore) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	return ce.AddCore(e, c)
}

// Write implements zapcore.Core.
func (c debugCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	var failed error
	for _, t := range *c.targets.Load() {
		if t.anyDebug || t.Enabled(e.Level) {
			if err := t.Write(e, fields); err != nil {
				failed = err
			}
		}
	}
	return failed
}

// Sync implements zapcore.Core.
func (debugCore) Sync() error { return nil }

// monitorCore hands lines to the sessions that watch the log; while none does it costs nothing.
type monitorCore struct {
	encoder zapcore.Encoder
	level   zapcore.Level
	monitor *vty.Monitor
}

// Enabled implements zapcore.Core.
func (c monitorCore) Enabled(level zapcore.Level) bool {
	return c.monitor.Watched() && level >= c.level
}

// With implements zapcore.Core; targetsCore keeps the fields.
func (c monitorCore) With([]zapcore.Field) zapcore.Core { return c }

// Check implements zapcore.Core.
func (c monitorCore) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return ce.AddCore(e, c)
	}
	return ce
}

// Write implements zapcore.Core.
func (c monitorCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	line, err := c.encoder.EncodeEntry(e, fields)
	if err != nil {
		return err
	}
	defer line.Free()
	c.monitor.Publish(line.String())
	return nil
}

// Sync implements zapcore.Core.
func (monitorCore) Sync() error { return nil }
