package main

import (
	"fmt"
	"regexp"
	"runtime"
	"strings"

	"msdpd/vty"
)

// Set by -ldflags "-X main.buildVersion=… -X main.buildCommit=… -X main.buildDate=…", as packaging/build does from git.
var (
	buildVersion = "0.1.0-dev"
	buildCommit  = "" // abbreviated
	buildDate    = "" // the commit's, YYYY-MM-DD
)

// version is the release and, where they are known, the commit that it was built from and that one's date.
func version() string {
	if buildCommit == "" {
		return buildVersion
	}
	return fmt.Sprintf("%s (%s)", buildVersion, strings.TrimSpace(buildCommit+" "+buildDate))
}

func versionText() string {
	return fmt.Sprintf("msdpd %s\nMSDP (RFC 3618) beside FRR, %s %s/%s\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

func showVersion(c *vty.Call) error {
	if !c.Has("json") {
		c.Printf("%s", versionText())
		return nil
	}
	out := newJSONObject(c)
	out.member("version", buildVersion)
	if buildCommit != "" {
		out.member("commit", strings.TrimSpace(buildCommit))
		out.member("date", buildDate)
	}
	out.member("go", runtime.Version())
	out.member("platform", runtime.GOOS+"/"+runtime.GOARCH)
	return out.close()
}

var frrVersionLine = regexp.MustCompile(`^FRRouting (\d+(?:\.\d+)*)`)

// frrRelease reads the release from what `show version` prints: "FRRouting 8.4.4 (host) on …".
func frrRelease(text string) (string, error) {
	m := frrVersionLine.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		first, _, _ := strings.Cut(text, "\n")
		return "", fmt.Errorf("%q names no FRR release", first)
	}
	return m[1], nil
}
