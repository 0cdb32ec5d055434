package ui_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"testing"

	"github.com/teahouse-chat/teahouse/ui"
)

// What the server fills in; a template that asks for more would show it to people.
var placeholders = map[string][]string{
	"room.html":            {"base", "boot", "lang", "messages", "name", "room", "room_url", "v"},
	"lobby.html":           {"base", "lang", "rooms", "v"},
	"error.html":           {"base", "detail", "lang", "status", "suggestion", "suggestion_url", "title", "v"},
	"pass.html":            {"base", "lang", "name", "v"},
	"manifest.webmanifest": {"base", "lang", "v"},
}

func TestTemplatesAskForWhatTheServerHas(t *testing.T) {
	words := catalogue(t, "en.json")
	hole := regexp.MustCompile(`\{\{(t:)?([\w.]+)\}\}`)
	for name, want := range placeholders {
		seen := map[string]bool{}
		for _, m := range hole.FindAllStringSubmatch(string(read(t, name)), -1) {
			if m[1] == "" {
				seen[m[2]] = true
			} else if _, ok := words[m[2]]; !ok {
				t.Errorf("%s: no words for %q", name, m[2])
			}
		}
		if got := slices.Sorted(maps.Keys(seen)); !slices.Equal(got, want) {
			t.Errorf("%s: placeholders %v, want %v", name, got, want)
		}
	}
}

func TestCataloguesHaveTheSameKeys(t *testing.T) {
	zh := slices.Sorted(maps.Keys(catalogue(t, "zh.json")))
	en := slices.Sorted(maps.Keys(catalogue(t, "en.json")))
	if !slices.Equal(zh, en) {
		t.Errorf("zh.json has %v, en.json %v", zh, en)
	}
}

// What a room's first visit may weigh, in bytes as gzip sends them. The emoji come when somebody wants one, the service
// worker after the page.
func TestPageStaysSmall(t *testing.T) {
	for name, budget := range map[string]int{"app.js": 60 << 10, "app.css": 15 << 10, "emoji.js": 28 << 10, "sw.js": 2 << 10} {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		if _, err := w.Write(read(t, name)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if packed.Len() == 0 || packed.Len() > budget {
			t.Errorf("%s: %d bytes compressed, want at most %d", name, packed.Len(), budget)
		}
	}
}

// An icon that the manifest names and dist lacks would make the page one that can't be installed.
func TestManifestNamesIconsThatThereAre(t *testing.T) {
	icon := regexp.MustCompile(`/static/([\w.-]+)\?v=`)
	found := icon.FindAllSubmatch(read(t, "manifest.webmanifest"), -1)
	if len(found) < 3 {
		t.Errorf("the manifest names %d icons, want one of 192, one of 512, one to be masked", len(found))
	}
	for _, m := range found {
		if len(read(t, string(m[1]))) == 0 {
			t.Errorf("%s is empty", m[1])
		}
	}
}

func catalogue(t *testing.T, name string) map[string]string {
	t.Helper()
	var words map[string]string
	if err := json.Unmarshal(read(t, name), &words); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return words
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := fs.ReadFile(ui.Dist(), name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
