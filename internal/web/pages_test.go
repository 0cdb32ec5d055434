package web

import (
	"io/fs"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/teahouse-chat/teahouse/ui"
)

// withPages gives a handler a built page with these files in place of its own.
func withPages(t *testing.T, h *Handler, files map[string]string) {
	t.Helper()
	all := fstest.MapFS{}
	for _, name := range catalogFiles {
		b, err := fs.ReadFile(ui.Dist(), name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = &fstest.MapFile{Data: b}
	}
	for name, text := range files {
		all[name] = &fstest.MapFile{Data: []byte(text)}
	}
	var err error
	if h.pages, err = newPages(all); err != nil {
		t.Fatal(err)
	}
}

// visit asks for a path, as a browser does.
func visit(h *Handler, path, cookie string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	r.Host = "localhost:8000"
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestShellIsAPageForNoRoom(t *testing.T) {
	h := goldenHandler(t)
	withPages(t, h, map[string]string{"room.html": `{{lang}}|{{base}}|{{room}}|{{room_url}}|{{name}}|{{messages}}|{{boot}}|{{v}}`, "error.html": "{{status}}"})
	shell := visit(h, "/shell", "")
	if got, want := shell.Body.String(), "en||||||null|"+h.pages.version; got != want || shell.Header().Get("Set-Cookie") != "" || shell.Code != 200 {
		t.Errorf("shell: got %d %s %v, want %s", shell.Code, got, shell.Header(), want)
	}
	for _, path := range []string{"/manifest.webmanifest", "/sw.js"} {
		if got := visit(h, path, ""); got.Code != 404 {
			t.Errorf("%s that isn't there: got %d", path, got.Code)
		}
	}
}

// A browser that comes for the first time is somebody at once: the one whom its new cookie proves.
func TestNewGuestBootsAsWhoTheyAre(t *testing.T) {
	h := goldenHandler(t)
	withPages(t, h, map[string]string{"room.html": `{{boot}}`})
	w := visit(h, "/room/123/?hue=7", "")
	var b struct {
		Me struct {
			ID, Name string
			Hue      int
		}
		Read int
	}
	if err := json.Unmarshal(w.Body.Bytes(), &b, json.MatchCaseInsensitiveNames(true)); err != nil {
		t.Fatal(err)
	}
	cookie := w.Header().Get("Set-Cookie")
	if !strings.HasPrefix(cookie, guestCookie+"="+b.Me.ID+".") || b.Me.Name != "guest" || b.Me.Hue != 7 || b.Read != 42 {
		t.Errorf("got %s with %s", w.Body, cookie)
	}
}

func TestManifestAndWorkerAreServedAtTheRoot(t *testing.T) {
	h := goldenHandler(t)
	withPages(t, h, map[string]string{
		manifestFile: `{"name":"{{t:app.name}}","start_url":"{{base}}/","lang":"{{lang}}","icon":"{{base}}/static/icon.svg?v={{v}}"}`,
		"sw.js":      "self.x = 1;",
	})
	h.opts.BasePath = `/a"\b` // never one, but it would be escaped
	w := visit(h, "/manifest.webmanifest", "")
	var m map[string]string
	if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil || m["start_url"] != `/a"\b/` || m["lang"] != "en" || m["name"] == "" || !strings.HasSuffix(m["icon"], h.pages.version) {
		t.Errorf("got %s, %v", w.Body, err)
	}
	if got := w.Header(); got.Get("Content-Type") != "application/manifest+json" || got.Get("Cache-Control") != "no-cache" || !strings.Contains(strings.Join(got["Vary"], ","), "Accept-Language") {
		t.Errorf("got %v", got)
	}
	if w := visit(h, "/manifest.webmanifest?lang=zh-CN", ""); !strings.Contains(w.Body.String(), `"lang":"zh-CN"`) {
		t.Errorf("got %s", w.Body)
	}
	w = visit(h, "/sw.js", "")
	if got := w.Header(); w.Body.String() != "self.x = 1;" || !strings.HasPrefix(got.Get("Content-Type"), "text/javascript") || got.Get("Cache-Control") != "no-cache" || got.Get("ETag") == "" {
		t.Errorf("got %s %v", w.Body, got)
	}
}

// Whatever people say, the element that holds it ends where it should.
func TestBootCannotEndItsElement(t *testing.T) {
	me := ann
	me.Name = "</script><!--\u2028&"
	b := string(boot(me, []byte(`{"room":"</SCRIPT>"}`), goldenMark))
	if strings.ContainsAny(b, "<>&\u2028") || !jsontext.Value(b).IsValid() || !strings.Contains(b, `"room":"\u003c/SCRIPT\u003e"`) {
		t.Errorf("got %s", b)
	}
}
