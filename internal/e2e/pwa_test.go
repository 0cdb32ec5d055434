//go:build linux

package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
)

func TestPageIsInstallable(t *testing.T) {
	for _, base := range []string{"", "/chat"} {
		t.Run("under "+base+"/", func(t *testing.T) {
			s := start(t, "--base-path", base)
			p := openTab(t, chromium(t), "zh-CN")
			p.open(s.url("/"))
			p.awaitWorker()
			got := call(p, page.GetAppManifest, page.GetAppManifestParams{})
			for _, e := range got.Errors {
				t.Errorf("the manifest: %s at %d:%d", e.Message, e.Line, e.Column)
			}
			var m struct {
				Name, Display, Scope string
				Short                string `json:"short_name"`
				Start                string `json:"start_url"`
				Icons                []struct{ Src, Type, Sizes, Purpose string }
			}
			if err := json.Unmarshal([]byte(got.Data), &m); err != nil {
				t.Fatalf("the manifest: %v\n%s", err, got.Data)
			}
			at := func(ref string) string {
				t.Helper()
				u, err := url.Parse(got.URL)
				if err == nil {
					u, err = u.Parse(ref)
				}
				if err != nil {
					t.Fatal(err)
				}
				return u.String()
			}
			if m.Name == "" || m.Short == "" || m.Display != "standalone" || at(m.Scope) != s.url("/") || !strings.HasPrefix(at(m.Start), s.url("/")) {
				t.Errorf("the manifest is %s", got.Data)
			}
			if got.URL != s.url("/manifest.webmanifest") {
				t.Errorf("the manifest is at %s", got.URL)
			}
			for _, icon := range m.Icons {
				res, err := http.Get(at(icon.Src))
				if err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
				if kind := res.Header.Get("Content-Type"); res.StatusCode != http.StatusOK || kind != icon.Type {
					t.Errorf("%s: status %s, %s; the manifest says %s", icon.Src, res.Status, kind, icon.Type)
				}
			}
			for _, e := range call(p, page.GetInstallabilityErrors, cdp.Empty{}).InstallabilityErrors {
				if e.ErrorID != "in-incognito" { // as all tabs of the tests are
					t.Errorf("can't be installed: %s %s", e.ErrorID, asJSON(e.ErrorArguments))
				}
			}
			p.checkQuiet(s)
		})
	}
}

func TestPageOfflineShellShowsTheLastMessagesOfEachRoom(t *testing.T) {
	for _, base := range []string{"", "/chat"} {
		t.Run("under "+base+"/", func(t *testing.T) {
			s := start(t, "--base-path", base)
			net := newProxy(t, s.addr)
			front := net.front(s)
			p := openTab(t, chromium(t), "en")
			rooms := []string{"garden", "茶馆"}
			for _, room := range rooms {
				s.post(room, "bob", "in "+room)
				s.post(room, "bob", "still in "+room)
				p.open(front.url("/room/" + room + "/"))
				p.state("online")
				p.name("ann")
				p.awaitTexts("in "+room, "still in "+room)
			}
			p.awaitWorker()
			p.reload() // by the worker, with a network
			p.state("online")
			p.awaitTexts("in 茶馆", "still in 茶馆")

			goOffline(net, p)
			for _, room := range rooms {
				p.open(front.url("/room/" + room + "/"))
				p.awaitTexts("in "+room, "still in "+room)
				p.await(10*time.Second, "it doesn't say that it is online", `document.querySelector("#state").dataset.state !== "online"`)
			}
			if name := look[string](p, `document.querySelector("#name").value`); name != "ann" {
				t.Errorf("offline the name is %q, want ann", name)
			}
			s.post("茶馆", "bob", "meanwhile")
			goOnline(net, p)
			p.state("online")
			p.awaitTexts("in 茶馆", "still in 茶馆", "meanwhile")
			p.checkQuiet(front)
		})
	}
}
