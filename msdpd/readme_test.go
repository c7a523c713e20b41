package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestReadmeFilters: the configuration that README.md gives for the border of a network is one, with
// all the lists that it names.
func TestReadmeFilters(t *testing.T) {
	_, rest, ok := strings.Cut(readme(t), "<!-- config: filters border msdpd -->\n```\n")
	if !ok {
		t.Fatal("README.md does not have it")
	}
	config, _, _ := strings.Cut(rest, "```")
	s, err := read(t, config)
	if err != nil {
		t.Fatal(err)
	}
	if missing := s.msdp.MissingLists(); len(missing) != 0 || len(s.msdp.Peers) != 2 {
		t.Errorf("%d peers, missing lists: %v", len(s.msdp.Peers), missing)
	}
}

// TestRequirementsAreProved: each test that README.md names as the proof of a requirement exists.
func TestRequirementsAreProved(t *testing.T) {
	_, table, ok := strings.Cut(readme(t), "\n## RFC 3618, requirement by requirement\n")
	if !ok {
		t.Fatal("README.md has no such table")
	}
	dirs := map[string]string{"scenarios": "tools/lab/scenarios"}
	proof := regexp.MustCompile("`([a-z/]+)` ((?:Test|Fuzz)[A-Za-z0-9]+)")
	sources := make(map[string]string)
	rows := 0
	for row := range strings.Lines(table) {
		if !strings.HasPrefix(row, "| ") || strings.HasPrefix(row, "| § ") {
			continue
		}
		rows++
		proofs := proof.FindAllStringSubmatch(row, -1)
		if len(proofs) == 0 {
			t.Errorf("no test in %s", row)
		}
		for _, p := range proofs {
			dir := p[1]
			if d, ok := dirs[dir]; ok {
				dir = d
			}
			if _, read := sources[dir]; !read {
				sources[dir] = testsOf(t, filepath.Join("..", dir))
			}
			if !strings.Contains(sources[dir], "\nfunc "+p[2]+"(") {
				t.Errorf("there is no %s in %s", p[2], dir)
			}
		}
	}
	if rows < 20 {
		t.Errorf("%d requirements", rows)
	}
}

// testsOf returns the text of a directory's tests.
func testsOf(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d files with tests, %v", dir, len(files), err)
	}
	var all strings.Builder
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	return all.String()
}
