package main

import (
	"fmt"
	"log/syslog"
	"os"
	"runtime/debug"
	"strings"

	"go.uber.org/zap/zapcore"
)

// openLog opens the log that the options name.
func openLog(o options) (zapcore.Core, func(), error) {
	encoding := logEncoding(-1)
	switch path, isFile := strings.CutPrefix(o.log, "file:"); {
	case isFile:
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
		if err != nil {
			return nil, nil, fmt.Errorf("opening the log: %w", err)
		}
		// What Go prints when it gives up belongs in the log: in the background there is no
		// other place for it.
		if err := debug.SetCrashOutput(f, debug.CrashOptions{}); err != nil {
			return nil, nil, fmt.Errorf("opening the log: %w", err)
		}
		core := zapcore.NewCore(zapcore.NewConsoleEncoder(encoding), zapcore.Lock(f), o.logLevel)
		return core, func() { f.Close() }, nil
	case o.log == "syslog":
		w, err := syslog.New(syslog.LOG_DAEMON|syslog.LOG_INFO, "msdpd")
		if err != nil {
			return nil, nil, fmt.Errorf("opening the log: %w", err)
		}
		return newSyslogCore(encoding, o.logLevel, w), func() { w.Close() }, nil
	}
	core := zapcore.NewCore(zapcore.NewConsoleEncoder(encoding), zapcore.Lock(os.Stdout), o.logLevel)
	return core, func() {}, nil
}

// syslogCore gives each entry the syslog priority of its level.
type syslogCore struct {
	encoder zapcore.Encoder
	zapcore.LevelEnabler
	w *syslog.Writer
}

func newSyslogCore(encoding zapcore.EncoderConfig, level zapcore.LevelEnabler, w *syslog.Writer) syslogCore {
	encoding.TimeKey, encoding.LevelKey = "", "" // syslog has both
	return syslogCore{zapcore.NewConsoleEncoder(encoding), level, w}
}

// With implements zapcore.Core.
func (c syslogCore) With(fields []zapcore.Field) zapcore.Core {
	c.encoder = c.encoder.Clone()
	for _, f := range fields {
		f.AddTo(c.encoder)
	}
	return c
}

// Check implements zapcore.Core.
func (c syslogCore) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return ce.AddCore(e, c)
	}
	return ce
}

// Write implements zapcore.Core.
func (c syslogCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	line, err := c.encoder.EncodeEntry(e, fields)
	if err != nil {
		return err
	}
	defer line.Free()
	switch e.Level {
	case zapcore.DebugLevel:
		return c.w.Debug(line.String())
	case zapcore.InfoLevel:
		return c.w.Info(line.String())
	case zapcore.WarnLevel:
		return c.w.Warning(line.String())
	}
	return c.w.Err(line.String())
}

// Sync implements zapcore.Core.
func (syslogCore) Sync() error { return nil }
