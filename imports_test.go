package teahouse_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/teahouse-chat/teahouse"

// A pkg is what "go list -json" says of a package; tests are not counted.
type pkg struct {
	ImportPath string
	Standard   bool
	Doc        string
	Imports    []string
	Deps       []string
}

func list(t *testing.T) map[string]pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Standard,Doc,Imports,Deps", "./...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	packages := map[string]pkg{}
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var p pkg
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		packages[p.ImportPath] = p
	}
	return packages
}

// ours are the packages of the module that a package depends on, without the module's name.
func ours(p pkg) []string {
	var deps []string
	for _, d := range p.Deps {
		if rel, ok := strings.CutPrefix(d, module+"/"); ok {
			deps = append(deps, rel)
		}
	}
	return deps
}

func TestPackagesKnowOnlyWhatTheyMay(t *testing.T) {
	packages := list(t)
	for _, c := range []struct {
		pkg, why string
		may      []string // packages of this module that it may depend on
	}{
		{"fanout", "the hot loop knows no sockets and no logs", nil},
		{"eventlog", "the contract imports only the standard library", nil},
		{"ws", "the engine knows no channels, feed or chat", nil},
		{"eventlog/memlog", "a log knows no layer", []string{"eventlog"}},
		{"feed", "a feed is a log and a doorbell", []string{"eventlog", "fanout"}},
		{"feed/feedhttp", "it serves a feed, not a chat", []string{"eventlog", "fanout", "feed"}},
		{"channels", "the programming model knows no store, no feed and no layer", []string{"fanout", "ws"}},
		{"channels/memlayer", "a layer knows messages and groups only", []string{"channels", "fanout", "ws"}},
		{"channels/redislayer", "a layer knows messages and groups only", []string{"channels", "fanout", "ws"}},
		{"channels/channelstest", "it stands in for the network, not for more", []string{"channels", "fanout", "ws"}},
		{"channels/channelstest/layertest", "it tests any layer", []string{"channels", "fanout", "ws"}},
		{"feed/feedlayer", "it joins a feed and a layer", []string{"channels", "eventlog", "fanout", "feed", "ws"}},
		{"client", "a client knows the protocol only", nil},
		{"internal/ratelimit", "it counts keys", nil},
		{"internal/chat", "the chat knows no HTTP, SQL, layer or socket", []string{"eventlog", "internal/markdown", "internal/ratelimit"}},
		{"internal/markdown", "it reads texts", nil},
		{
			"internal/sqlite", "a store knows no HTTP, feed or layer, so nobody announces inside a transaction",
			[]string{"eventlog", "internal/chat", "internal/markdown", "internal/ratelimit"},
		},
	} {
		p, ok := packages[module+"/"+c.pkg]
		if !ok {
			t.Errorf("%s: no such package", c.pkg)
			continue
		}
		for _, dep := range ours(p) {
			if !slices.Contains(c.may, dep) {
				t.Errorf("%s depends on %s: %s", c.pkg, dep, c.why)
			}
		}
	}
}

func TestPackagesStayFreeOf(t *testing.T) {
	packages := list(t)
	for _, c := range []struct{ pkg, dep, why string }{
		{"fanout", "net", "it knows no sockets"},
		{"eventlog", "net", "it is a contract"},
		{"feed", "net/http", "feedhttp is where HTTP is"},
		{"internal/chat", "net/http", "web is where HTTP is"},
		{"internal/chat", "database/sql", "stores are where SQL is"},
	} {
		if slices.Contains(packages[module+"/"+c.pkg].Deps, c.dep) {
			t.Errorf("%s depends on %s: %s", c.pkg, c.dep, c.why)
		}
	}
}

func TestOnlyTheServerNamesBackends(t *testing.T) {
	backends := []string{"internal/sqlite", "internal/postgres", "channels/memlayer", "channels/redislayer"}
	for _, p := range list(t) {
		if !strings.HasPrefix(p.ImportPath, module+"/internal/") || p.ImportPath == module+"/internal/server" {
			continue
		}
		for _, backend := range backends {
			if slices.Contains(p.Imports, module+"/"+backend) {
				t.Errorf("%s imports %s", p.ImportPath, backend)
			}
		}
	}
}

func TestLibraryPackagesLinkFewModules(t *testing.T) {
	packages := list(t)
	may := []string{ // docs/decisions/0002-dependencies.md
		"github.com/go-json-experiment/json", "github.com/gobwas/", "github.com/klauspost/compress", "golang.org/x/sys", "golang.org/x/time",
		"github.com/redis/rueidis", "github.com/tinylib/msgp", "github.com/philhofer/fwd", "github.com/fernet/fernet-go",
	}
	for _, lib := range []string{
		"fanout", "ws", "eventlog", "eventlog/memlog", "feed", "feed/feedhttp", "feed/feedlayer", "client",
		"channels", "channels/channelstest", "channels/memlayer", "channels/redislayer",
	} {
		for _, dep := range packages[module+"/"+lib].Deps {
			p := packages[dep]
			if p.Standard || strings.HasPrefix(dep, module) || strings.HasPrefix(dep, "vendor/") {
				continue
			}
			if !slices.ContainsFunc(may, func(m string) bool { return strings.HasPrefix(dep, m) }) {
				t.Errorf("%s links %s, which isn't on the library's list", lib, dep)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	subjectless := []string{"util", "utils", "common", "types", "helpers", "misc", "shared", "base", "core"}
	for _, p := range list(t) {
		if !strings.HasPrefix(p.ImportPath, module) {
			continue
		}
		if p.Doc == "" && p.ImportPath != module && p.ImportPath != module+"/internal/e2e" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
		if slices.Contains(subjectless, path.Base(p.ImportPath)) {
			t.Errorf("%s is named for its lack of a subject", p.ImportPath)
		}
	}
}
