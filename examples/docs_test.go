package examples_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// folded is code without indentation and empty lines, which a page may have other than a program.
func folded(code string) string {
	var lines []string
	for line := range strings.Lines(code) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// programs are the examples' files of these kinds, folded.
func programs(t *testing.T) map[string][]string {
	t.Helper()
	files := map[string][]string{}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		kind := map[string]string{".go": "go", ".py": "python"}[filepath.Ext(path)]
		if err != nil || entry.IsDir() || kind == "" {
			return err
		}
		code, err := os.ReadFile(path)
		files[kind] = append(files[kind], folded(string(code)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

var block = regexp.MustCompile("(?ms)^ *```(go|python)\n(.*?)^ *```$")

func TestCodeInTheGuidesStandsInTheExamples(t *testing.T) {
	files := programs(t)
	for _, page := range []string{"../docs/channels.md", "../docs/django.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		blocks := block.FindAllStringSubmatch(string(text), -1)
		if len(blocks) < 4 {
			t.Errorf("%s has %d blocks of code: they aren't found", page, len(blocks))
		}
		for _, b := range blocks {
			code := folded(b[2])
			if found := strings.Contains(strings.Join(files[b[1]], "\n\n"), code); !found {
				t.Errorf("%s: this %s stands in no example:\n%s", page, b[1], code)
			}
		}
	}
}

// publicNames lists what Django Channels defines for others: functions, classes and what is in these.
const publicNames = `
import importlib, inspect, pkgutil
import django
from django.conf import settings
settings.configure(INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"])
django.setup()
import channels
for found in pkgutil.walk_packages(channels.__path__, "channels."):
    if found.name.startswith(("channels.apps", "channels.management")):
        continue
    for name, value in vars(importlib.import_module(found.name)).items():
        if not name.startswith("_") and getattr(value, "__module__", None) == found.name:
            print(name)
            if inspect.isclass(value):
                print(*(n for n in vars(value) if not n.startswith("_")), sep="\n")
`

func TestGuideHasEachPublicNameOfDjangoChannels(t *testing.T) {
	out, err := exec.Command("/usr/bin/python3", "-B", "-c", publicNames).Output()
	if err != nil {
		t.Fatalf("list the names: %v", err)
	}
	names := strings.Fields(string(out))
	if len(names) < 100 {
		t.Fatalf("found %d names only", len(names))
	}
	page, err := os.ReadFile("../docs/channels.md")
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]bool{}
	for _, code := range regexp.MustCompile("`[^`\n]+`").FindAllString(string(page), -1) {
		for _, word := range regexp.MustCompile(`\w+`).FindAllString(code, -1) {
			said[word] = true
		}
	}
	for _, name := range names {
		if !said[name] {
			t.Errorf("docs/channels.md doesn't say what becomes of %s", name)
		}
	}
}
