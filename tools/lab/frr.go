package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"msdpd/lib/frrvty"
)

// FRR says where a release of FRR is. The zero value is the one that the machine has.
//
// A daemon of another one sees that one's files, but the machine's own /etc/frr and /run/frr: configuration, sockets
// and whoever speaks to them are in the same places with every release.
type FRR struct {
	// Root is the directory tree to run the daemons in (package releases has some). Empty: the machine's own.
	Root string
}

// daemonDir is where Debian has the daemons.
const daemonDir = "/usr/lib/frr"

// configDir and runDir are those of a path space.
func configDir(space string) string { return filepath.Join("/etc/frr", space) }
func runDir(space string) string    { return filepath.Join("/run/frr", space) }

func spaceDirs(space string) []string { return []string{configDir(space), runDir(space)} }

// makeDirs makes the directories of the node's path space.
func (nd *Node) makeDirs() error {
	for _, dir := range spaceDirs(nd.space) {
		if _, err := os.Stat(dir); err == nil {
			continue
		}
		nd.net.reaper.path(dir)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := chownFRR(dir); err != nil {
			return err
		}
	}
	// vtysh complains at each call if it has none.
	return os.WriteFile(filepath.Join(configDir(nd.space), "vtysh.conf"), nil, 0o644)
}

// chownFRR gives a file to FRR's user, whom the daemons become. Without such a user it stays root's.
func chownFRR(path string) error {
	u, err := user.Lookup("frr")
	if err != nil {
		var unknown user.UnknownUserError
		if errors.As(err, &unknown) {
			return nil
		}
		return err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return err
	}
	return os.Chown(path, uid, gid)
}

// StartFRR starts one of FRR's daemons (zebra first: the others wait for it) with a configuration and
// more options, and waits until its vty answers. It logs to the network's directory, and listens for telnet nowhere.
func (nd *Node) StartFRR(daemon, config string, args ...string) *Daemon {
	nd.net.t.Helper()
	if _, err := os.Stat(filepath.Join(nd.FRR.Root, daemonDir, daemon)); err != nil {
		nd.net.t.Fatalf("starting %s on %s: %v", daemon, nd.name, err)
	}
	nd.startMgmtd(daemon)
	d := nd.newFRR(daemon)
	d.args = append(d.args, args...)
	if nd.FRR.readsConfig(daemon) {
		config = "log timestamp precision 3\n" + config
		d.args = append(d.args, "-f", d.config)
	} else {
		d.configure = nd.vtysh
	}
	if daemon == "ospfd" {
		nd.tidyAfterOSPF()
	}
	nd.launch(d, config)
	return d
}

// newFRR prepares one of FRR's daemons, without a configuration. At debugging level those of FRR 10 tell of
// each file of each YANG module.
func (nd *Node) newFRR(daemon string) *Daemon {
	d := nd.newDaemon(daemon)
	d.path, d.frr = filepath.Join(daemonDir, daemon), nd.FRR
	level := "debug"
	if nd.FRR.hasMgmtd() {
		level = "informational"
	}
	d.args = []string{"-N", nd.space, "-P", "0", "--log", "stdout", "--log-level", level}
	return d
}

// ospfFile is what ospfd of FRR 8.4 keeps outside its path space.
const ospfFile = "/run/frr/ospfd-gr.json"

// ospfFileIsOurs reports whether there was none before the first ospfd of this program: else it is
// that of this machine's own.
var ospfFileIsOurs = sync.OnceValue(func() bool {
	_, err := os.Stat(ospfFile)
	return errors.Is(err, os.ErrNotExist)
})

// tidyAfterOSPF has that file removed, by every network with an ospfd: one writes it anew when
// another network has gone.
func (nd *Node) tidyAfterOSPF() {
	if ospfFileIsOurs() {
		nd.net.reaper.path(ospfFile)
	}
}

func (nd *Node) newDaemon(name string) *Daemon {
	return &Daemon{
		node:      nd,
		name:      name,
		config:    filepath.Join(configDir(nd.space), name+".conf"),
		logFile:   filepath.Join(nd.net.dir, nd.name+"-"+name+".log"),
		vtySocket: nd.VtySocket(name),
	}
}

func (nd *Node) launch(d *Daemon, config string) {
	nd.net.t.Helper()
	err := nd.net.whileOpen(func() error {
		if err := nd.makeDirs(); err != nil {
			return err
		}
		return d.writeConfig(config)
	})
	if err == nil {
		err = d.start()
	}
	if d.cmd != nil {
		nd.net.addDaemon(d)
	}
	if err != nil {
		nd.net.t.Fatalf("starting %s on %s: %v", d.name, nd.name, err)
	}
}

// VtySocket is the path of a daemon's vty socket, as seen from here.
func (nd *Node) VtySocket(daemon string) string {
	return filepath.Join(runDir(nd.space), daemon+".vty")
}

// ZservSocket is the path of zebra's socket, as seen from here.
func (nd *Node) ZservSocket() string { return filepath.Join(runDir(nd.space), "zserv.api") }

// vtyLimit bounds one conversation with a daemon.
const vtyLimit = 10 * time.Second

// Vty gives commands to a daemon, in one session, and returns what it answers to all of them.
// The first that the daemon does not accept is the error (a *frrvty.StatusError within), and ends the session.
// A session starts in view mode: say "enable" and "configure terminal" first where needed.
func (nd *Node) Vty(daemon string, commands ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), vtyLimit)
	defer cancel()
	outputs, err := frrvty.Query(ctx, nd.VtySocket(daemon), commands...)
	out := strings.Join(outputs, "")
	if err != nil {
		err = fmt.Errorf("%s on %s: %w", daemon, nd.name, err)
	}
	return out, err
}

// VtyJSON gives a command that answers in JSON, and decodes the answer. The error holds the answer.
func (nd *Node) VtyJSON(daemon, command string, into any) error {
	out, err := nd.Vty(daemon, command)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(out), into); err != nil {
		return fmt.Errorf("%s on %s: %q answers %q: %w", daemon, nd.name, command, out, err)
	}
	return nil
}
