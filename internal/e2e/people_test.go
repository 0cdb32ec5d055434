//go:build linux

package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// typeKeys types a text key by key.
func (p *tab) typeKeys(text string) {
	p.t.Helper()
	p.do("focus", chromedp.Focus(chromedp.CSS("#text")))
	for _, r := range text {
		p.press(string(r))
	}
}

func TestPageNameIsCompletedAfterAnAt(t *testing.T) {
	s := start(t)
	browser := chromium(t)
	ann, bob := openTab(t, browser, "en"), openTab(t, browser, "en")
	ann.use(desk)
	bob.open(s.url("/room/123/?name=Bob+Lee"))
	bob.state("online")
	ann.open(s.url("/room/123/?name=ann"))
	ann.state("online")
	ann.awaitPeople(2)
	s.post("123", "阿茶", "hello")
	ann.awaitTexts("hello")

	ann.typeKeys("hey @b")
	ann.await(5*time.Second, "Bob is offered", `[...document.querySelectorAll("#mention-list [role=option]")].some(e => e.textContent.includes("Bob Lee"))`)
	if look[string](ann, `document.querySelector("#text").getAttribute("aria-activedescendant")`) == "" {
		t.Error("a screen reader isn't told which name is chosen")
	}
	ann.press("Enter") // chooses, and doesn't send
	ann.await(5*time.Second, "the name is completed", `document.querySelector("#text").value === "hey @Bob_Lee " && !document.querySelector("#mention-list")`)
	ann.say("and @阿茶")
	for _, p := range []*tab{ann, bob} {
		p.awaitTexts("hello", "hey @Bob_Lee and @阿茶")
		if n := look[int](p, `document.querySelectorAll("#messages .mention").length`); n != 2 {
			t.Errorf("%d mentions are shown, want 2", n)
		}
	}
	if got := look[string](bob, `document.querySelector("#messages .mention.me")?.textContent ?? ""`); got != "@Bob_Lee" {
		t.Errorf("Bob sees %q as a mention of his", got)
	}

	// By mouse, by Escape, and in the middle of a word.
	ann.typeKeys("@")
	ann.await(5*time.Second, "names are offered", `document.querySelectorAll("#mention-list [role=option]").length >= 2`)
	ann.press("Escape")
	ann.await(5*time.Second, "none are offered", `!document.querySelector("#mention-list")`)
	ann.press("Backspace")
	call(ann, input.InsertText, input.InsertTextParams{Text: "mail@b"})
	if look[bool](ann, `!!document.querySelector("#mention-list")`) {
		t.Error("names are offered in the middle of a word")
	}
	ann.checkQuiet(s)
	bob.checkQuiet(s)
}

func TestPageTypingIsSeenAndEnds(t *testing.T) {
	s := start(t)
	browser := chromium(t)
	ann, bob := openTab(t, browser, "en"), openTab(t, browser, "en")
	for i, p := range []*tab{ann, bob} {
		p.open(s.url("/room/123/?name=" + []string{"ann", "bob"}[i]))
		p.state("online")
	}
	bob.awaitPeople(2)
	const typing = `document.querySelector("#typing").textContent`
	ann.typeKeys("hm")
	bob.await(atOnce, "ann is seen typing", typing+`.includes("ann")`)
	if said := look[string](ann, typing); said != "" {
		t.Errorf("ann is told that %q", said)
	}
	ann.press("Enter")
	bob.awaitTexts("hm")
	bob.await(time.Second, "ann isn't typing any more", typing+` === ""`)
	ann.typeKeys("well")
	bob.await(4*time.Second, "ann is seen typing again", typing+`.includes("ann")`)
	bob.await(10*time.Second, "it ends by itself", typing+` === ""`)
	ann.checkQuiet(s)
	bob.checkQuiet(s)
}

func TestPageAnotherNameIsSeenByAll(t *testing.T) {
	s := start(t)
	browser := chromium(t)
	ann, bob := openTab(t, browser, "en"), openTab(t, browser, "en")
	for i, p := range []*tab{ann, bob} {
		p.use(desk)
		p.open(s.url("/room/123/?name=" + []string{"ann", "bob"}[i]))
		p.state("online")
	}
	bob.awaitPeople(2)
	ann.name("Anna 茶")
	bob.await(5*time.Second, "bob sees the name", `document.body.innerText.includes("Anna 茶")`)
	bob.awaitPeople(2)
	ann.say("it's me")
	bob.awaitTexts("it's me")
	if got := look[string](bob, `document.querySelector("#messages .author").textContent`); got != "Anna 茶" {
		t.Errorf("the author is %q", got)
	}
	// A new connection is under the new name from the start.
	ann.reload()
	ann.state("online")
	ann.say("still me")
	bob.awaitTexts("it's me", "still me")
	if got := look[[]string](bob, `[...document.querySelectorAll("#messages article")].map(e => e.getAttribute("aria-label"))`); !strings.HasPrefix(got[1], "Anna 茶") {
		t.Errorf("a screen reader says %q", got)
	}
	ann.checkQuiet(s)
	bob.checkQuiet(s)
}

func TestPagePassMakesTwoDevicesOneGuest(t *testing.T) {
	s := start(t, "--base-path", "/chat")
	atDesk, atHand := openTab(t, chromium(t), "en"), openTab(t, chromium(t), "zh-CN")
	atDesk.use(desk)
	atHand.use(phone)
	atDesk.open(s.url("/room/123/?name=ann"))
	atDesk.state("online")
	atDesk.say("from the desk")
	atDesk.awaitTexts("from the desk")
	atDesk.click("#make-pass")
	atDesk.await(5*time.Second, "there is a link", `!!document.querySelector("#pass-link")?.value`)
	atHand.open(look[string](atDesk, `document.querySelector("#pass-link").value`))
	atHand.await(5*time.Second, "it says whose it is", `document.querySelector("#pass-name").textContent === "ann"`)
	atHand.click("#pass button")
	atHand.await(10*time.Second, "the room is open", `document.querySelector("#state")?.dataset.state === "online"`)
	atHand.await(5*time.Second, "what was said at the desk is one's own", `document.querySelectorAll("#messages li.mine[data-offset]").length === 1`)
	atHand.say("from the phone")
	for _, p := range []*tab{atDesk, atHand} {
		p.awaitTexts("from the desk", "from the phone")
		p.await(5*time.Second, "both are one's own", `document.querySelectorAll("#messages li.mine[data-offset]").length === 2`)
		p.awaitPeople(1)
		p.checkQuiet(s)
	}
}
