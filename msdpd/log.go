package main

import (
	"errors"
	"fmt"
	"io"
	"log/syslog"
	"os"
	"runtime/debug"
	"strings"
	"sync"

	"go.uber.org/zap/zapcore"
)

// logDestination is what is open for the log, and opened again when a file was renamed.
type logDestination interface {
	io.Closer
	reopen() error
}

// openLog opens the log that the options name.
func openLog(o options) (zapcore.Core, logDestination, error) {
	encoding := logEncoding(-1)
	switch path, isFile := strings.CutPrefix(o.log, "file:"); {
	case isFile:
		f := &logFile{path: path}
		if err := f.reopen(); err != nil {
			return nil, nil, err
		}
		return zapcore.NewCore(zapcore.NewConsoleEncoder(encoding), f, o.logLevel), f, nil
	case o.log == "syslog":
		w, err := syslog.New(syslog.LOG_DAEMON|syslog.LOG_INFO, "msdpd")
		if err != nil {
			return nil, nil, fmt.Errorf("opening the log: %w", err)
		}
		return newSyslogCore(encoding, o.logLevel, w), unnamed{w}, nil
	}
	core := zapcore.NewCore(zapcore.NewConsoleEncoder(encoding), zapcore.Lock(os.Stdout), o.logLevel)
	return core, unnamed{io.NopCloser(nil)}, nil
}

// unnamed is a destination that is no file, and stays open.
type unnamed struct{ io.Closer }

func (unnamed) reopen() error { return nil }

// logFile is a log file that logrotate may rename.
type logFile struct {
	path string
	mu   sync.Mutex
	file *os.File // nil before the first reopen
}

// reopen goes on in a new file where the one at path was renamed or removed. After an error it goes on in the old one.
func (l *logFile) reopen() error {
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return fmt.Errorf("opening the log: %w", err)
	}
	// What Go prints when it gives up belongs in the log: in the background there is no
	// other place for it.
	if err := debug.SetCrashOutput(f, debug.CrashOptions{}); err != nil {
		return errors.Join(fmt.Errorf("opening the log: %w", err), f.Close())
	}
	l.mu.Lock()
	old := l.file
	l.file = f
	l.mu.Unlock()
	if old == nil {
		return nil
	}
	return old.Close()
}

// Write implements zapcore.WriteSyncer.
func (l *logFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Write(p)
}

// Sync implements zapcore.WriteSyncer.
func (l *logFile) Sync() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Sync()
}

// Close implements io.Closer.
func (l *logFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Close()
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
