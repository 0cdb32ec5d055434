//go:build linux

package e2e

import (
	"bytes"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/teahouse-chat/teahouse/client"
)

// words are what the page says in a language.
type words struct {
	lang, html                               string
	greeting, connected, disconnected, again string
	ann, bob                                 string
	lines                                    []string // that ann and bob say in turn
}

var spoken = []words{
	{
		"zh-CN", "zh-CN", "来了呀客官", "[连接成功]", "[断开连接]", "重连中", "阿茶", "小李",
		[]string{"来一壶龙井，靠窗的位子", "好嘞，水开了就上", "今天戏几点开？", "七点。给你留着座呢"},
	},
	{
		"en-GB", "en", "Welcome in, take a seat.", "[connected]", "[disconnected]", "reconnecting", "ann", "bob",
		[]string{"A pot of Longjing, by the window please", "Coming, the water is nearly there", "When does the opera start?", "At seven. Your seats are kept"},
	},
}

func TestPageTalksLosesTheServerAndCatchesUp(t *testing.T) {
	browser := chromium(t)
	for _, w := range spoken {
		t.Run(w.html, func(t *testing.T) {
			s := start(t)
			ann, bob := openTab(t, browser, w.lang), openTab(t, browser, w.lang)
			pages := []*tab{ann, bob}
			for i, p := range pages {
				p.do("size", chromedp.EmulateViewport(480, 680))
				p.open(s.url("/room/123/?name=" + url.QueryEscape([]string{w.ann, w.bob}[i])))
				p.state("online")
				greet(t, p, w)
			}
			var said []string
			for i, text := range w.lines {
				pages[i%2].say(text)
				said = append(said, text)
				for _, p := range pages {
					p.awaitTexts(said...)
				}
			}
			for _, p := range pages {
				p.awaitPeople(2)
			}
			photograph(t, "two-pages-"+w.html+".png", pages)

			for _, p := range pages {
				p.serverIsAway()
			}
			s.kill()
			for _, p := range pages {
				p.state("reconnecting")
				p.await(10*time.Second, "the break is told", fmt.Sprintf(
					`[...document.querySelectorAll("#messages li.line")].some(e => e.textContent === %q) && document.querySelector("#state").textContent === %q`,
					w.disconnected, w.again))
			}
			ann.say("written while away 离线")
			ann.await(10*time.Second, "the post waits in sight", `document.querySelectorAll("#messages li.pending").length === 1`)
			photograph(t, "server-away-"+w.html+".png", pages)
			s.start()
			for i := range 3 {
				s.post("123", "carol", fmt.Sprintf("while you were away %d", i+1))
			}
			for _, p := range pages {
				p.state("online")
				p.await(20*time.Second, "all have come", `document.querySelectorAll("#messages li[data-offset]").length === 8`)
			}
			said = ann.texts()
			bob.awaitTexts(said...)
			log := readAll(t, s, "123")
			if len(log) != 8 {
				t.Errorf("the room has %d messages, want 8", len(log))
			}
			for i, e := range log {
				if e.Text != said[i] {
					t.Errorf("at %d the log has %q, the pages %q", e.Offset, e.Text, said[i])
				}
			}
			if n := slices.IndexFunc(log, func(e client.Event) bool { return e.Text == "written while away 离线" }); n < 0 || log[n].Author.ID != log[0].Author.ID {
				t.Errorf("what was written while away isn't there, or not by its author")
			}
			ann.await(10*time.Second, "nothing waits any more", `document.querySelectorAll("#messages li.pending").length === 0`)
			ann.checkQuiet(s)
			bob.checkQuiet(s)
		})
	}
}

// greet checks what one sees on coming in.
func greet(t *testing.T, p *tab, w words) {
	t.Helper()
	if lang := look[string](p, `document.documentElement.lang`); lang != w.html {
		t.Errorf("the page's language is %q, want %q", lang, w.html)
	}
	p.await(10*time.Second, "the greeting is the first line", fmt.Sprintf(`document.querySelector("#log").innerText.trim().startsWith(%q)`, w.greeting))
	p.await(10*time.Second, "the connection is told", fmt.Sprintf(`[...document.querySelectorAll("#messages li.line")].some(e => e.textContent === %q)`, w.connected))
}

// photograph puts pictures of pages side by side into one file.
func photograph(t *testing.T, name string, pages []*tab) {
	t.Helper()
	path := filepath.Join(shotsFolder(t), name)
	if err := os.WriteFile(path, beside(t, pages), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Logf("picture: %s", path)
}

// beside makes one picture of those of the pages.
func beside(t *testing.T, pages []*tab) []byte {
	t.Helper()
	if len(pages) == 1 {
		return pages[0].photo()
	}
	const gap = 16
	var images []image.Image
	size := image.Point{X: -gap}
	for _, p := range pages {
		img, err := png.Decode(bytes.NewReader(p.photo()))
		if err != nil {
			t.Fatal(err)
		}
		images = append(images, img)
		size = image.Point{size.X + gap + img.Bounds().Dx(), max(size.Y, img.Bounds().Dy())}
	}
	all := image.NewRGBA(image.Rectangle{Max: size})
	x := 0
	for _, img := range images {
		at := image.Rect(x, 0, x+img.Bounds().Dx(), img.Bounds().Dy())
		draw.Draw(all, at, img, img.Bounds().Min, draw.Src)
		x += img.Bounds().Dx() + gap
	}
	var b bytes.Buffer
	if err := png.Encode(&b, all); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestPageUnderABasePath(t *testing.T) {
	s := start(t, "--base-path", "/chat")
	p := openTab(t, chromium(t), "en")
	p.open(s.url("/room/茶馆/"))
	p.state("online")
	p.name("ann")
	p.awaitPeople(1)
	p.say("before the reload")
	p.awaitTexts("before the reload")

	// A reload keeps who one is; another browser is somebody else.
	p.do("reload", chromedp.Reload())
	p.state("online")
	p.say("after the reload")
	p.awaitTexts("before the reload", "after the reload")
	log := readAll(t, s, "茶馆")
	if a, b := log[0].Author.ID, log[1].Author.ID; a != b || a == "" || a[:2] != "g-" {
		t.Errorf("the author was %q, and after a reload %q", a, b)
	}
	if name := look[string](p, `document.querySelector("#name").value`); name != "ann" || log[0].Author.Name != "ann" || log[1].Author.Name != "ann" {
		t.Errorf("the name is %q, and in the log %q and %q; want ann", name, log[0].Author.Name, log[1].Author.Name)
	}
	if mine := look[int](p, `document.querySelectorAll("#messages li.mine[data-offset]").length`); mine != 2 {
		t.Errorf("%d messages are marked as one's own, want 2", mine)
	}

	// The button closes, and opens again; what was missed comes.
	p.click("#toggle")
	p.state("offline")
	s.post("茶馆", "carol", "while it is closed")
	if got := p.texts(); len(got) != 2 {
		t.Errorf("the closed page has %q", got)
	}
	p.click("#toggle")
	p.state("online")
	p.awaitTexts("before the reload", "after the reload", "while it is closed")

	// From the lobby into a room, and back.
	p.click("a.home")
	p.await(10*time.Second, "the lobby is there", `location.pathname === "/chat/" && !!document.querySelector("#open")`)
	eventually(t, 10*time.Second, "the lobby lists the room", func() bool { // it is looked for once a second
		p.reload()
		return look[bool](p, `!!document.querySelector('a[href="/chat/room/%E8%8C%B6%E9%A6%86/"]')`)
	})
	p.checkQuiet(s)
}

func TestPageWorksWithoutScript(t *testing.T) {
	s := start(t, "--base-path", "/chat")
	p := openTab(t, chromium(t), "en")
	call(p, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	p.open(s.url("/room/123/"))
	p.do("write", chromedp.SendKeys(chromedp.CSS("#name"), "ann"), chromedp.SendKeys(chromedp.CSS("#text"), "no <b>script</b> here"))
	p.click("#send")
	p.await(20*time.Second, "the message is shown", `/no <b>script<\/b> here/.test(document.querySelector("#log")?.innerText ?? "")`)
	log := readAll(t, s, "123")
	if len(log) != 1 || log[0].Text != "no <b>script</b> here" || log[0].Author.Name != "ann" || log[0].Author.ID[:2] != "g-" {
		t.Errorf("the log is %+v", log)
	}
	if name := look[string](p, `document.querySelector("#name").value`); name != "ann" {
		t.Errorf("after the post the name is %q, want ann", name)
	}
	photograph(t, "without-script.png", []*tab{p})
	p.checkQuiet(s)
}
