//go:build linux

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestPageAxeFindsNothingSerious(t *testing.T) {
	browser := chromium(t)
	for lang, y := range plays {
		t.Run(lang, func(t *testing.T) {
			s := y.begin(t)
			p := openTab(t, browser, map[string]string{"zh": "zh-CN", "en": "en-GB"}[lang])
			p.media("prefers-reduced-motion", "reduce")
			check := func(what string) {
				t.Helper()
				for _, scheme := range []string{"light", "dark"} {
					p.media("prefers-color-scheme", scheme, "prefers-reduced-motion", "reduce")
					p.checkAccess(t, what+", "+scheme)
				}
			}
			p.use(desk)
			p.open(s.url("/"))
			check("the lobby")
			p.expect("status of 404")
			p.open(s.url("/room/.bad/"))
			check("an error")
			p.open(s.url("/room/nobody/?name=" + y.people[0]))
			p.state("online")
			check("an empty room")
			p.open(s.url("/room/" + y.room + "/"))
			p.state("online")
			p.say(y.mine)
			p.awaitPending(0)
			p.awaitEnd("at first")
			check("a room")

			mine := look[int64](p, `+[...document.querySelectorAll("#messages li.mine")].at(-1).dataset.offset`)
			p.hover(row(mine) + " .text")
			check("a message's tools")
			p.click(row(mine) + " .tools [data-action=more]")
			p.await(5*time.Second, "the menu is open", `!!document.querySelector("#menu")`)
			check("the menu")
			p.click("#menu [data-action=delete]")
			p.await(5*time.Second, "it asks", `!!document.querySelector("#confirm")`)
			check("the question before a deletion")
			p.press("Escape")
			p.await(5*time.Second, "it is closed", `!document.querySelector("dialog")`)
			p.act(mine, "react")
			p.await(5*time.Second, "the picker is open", `!!document.querySelector("#picker") && document.querySelectorAll("#picker button").length > 20`)
			check("the picker")
			p.press("Escape")
			p.await(5*time.Second, "it is closed", `!document.querySelector("dialog")`)
			p.typeKeys("@")
			p.await(5*time.Second, "names are offered", `!!document.querySelector("#mention-list")`)
			check("the list of names")
			p.press("Escape")
			p.press("Backspace")

			p.use(phone)
			check("a room on a phone")
			for _, column := range []string{"#rooms-column", "#panel"} {
				p.click(".bar button[aria-controls=" + column[1:] + "]")
				p.await(5*time.Second, column+" is open", fmt.Sprintf(`document.querySelector(%q)?.checkVisibility()`, column))
				check(column + " on a phone")
				p.press("Escape")
				p.await(5*time.Second, column+" is closed", fmt.Sprintf(`!document.querySelector(%q)?.checkVisibility()`, column))
			}
			p.tap(row(mine) + " .text")
			p.await(5*time.Second, "the sheet is open", `!!document.querySelector("#sheet")`)
			check("a message's sheet on a phone")
			p.press("Escape")
			p.checkQuiet(s)
		})
	}
}

// focus describes what has the focus.
func (p *tab) focus() string {
	p.t.Helper()
	return look[string](p, `(() => {
		const e = document.activeElement
		return e.id ? "#" + e.id : e.closest("li[data-offset]") ? e.localName + " " + e.closest("li[data-offset]").dataset.offset : e.localName + "." + e.className
	})()`)
}

func (p *tab) awaitFocus(want string) {
	p.t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for p.focus() != want {
		if time.Now().After(deadline) {
			p.t.Fatalf("the focus is at %s, want %s", p.focus(), want)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestPageKeyboardReachesEveryMessageAndWhatOneCanDoToIt(t *testing.T) {
	s := start(t)
	s.post("123", "bob", "first")
	s.post("123", "bob", "second")
	p := openTab(t, chromium(t), "en")
	p.use(desk)
	p.open(s.url("/room/123/?name=ann"))
	p.state("online")
	p.awaitFocus("#text")
	p.say("third")
	p.awaitTexts("first", "second", "third")
	p.awaitPending(0)

	// Out of the field backwards into the newest message, and up.
	for range 10 {
		if p.focus() == "article 3" {
			break
		}
		p.press("Tab", shift)
	}
	p.awaitFocus("article 3")
	for _, step := range []struct{ key, to string }{
		{"ArrowUp", "article 2"}, {"ArrowUp", "article 1"}, {"ArrowUp", "article 1"}, {"ArrowDown", "article 2"}, {"End", "article 3"}, {"Home", "article 1"},
	} {
		p.press(step.key)
		p.awaitFocus(step.to)
	}
	label := look[string](p, `document.activeElement.getAttribute("aria-label")`)
	if !strings.HasPrefix(label, "bob, ") || !strings.HasSuffix(label, "first") {
		t.Errorf("a screen reader says %q", label)
	}
	if !look[bool](p, `document.activeElement.matches(":focus-visible") && (getComputedStyle(document.activeElement).outlineStyle !== "none" || getComputedStyle(document.activeElement).boxShadow !== "none")`) {
		t.Error("one can't see where the focus is")
	}

	p.press("r")
	p.awaitFocus("#text")
	p.say("an answer")
	p.await(5*time.Second, "the answer quotes the first", `document.querySelector("#messages li:last-child .quote")?.textContent.includes("first")`)
	p.awaitPending(0)

	p.press("ArrowUp") // in the empty field: the last of one's own
	p.await(5*time.Second, "one's last message is edited", `document.querySelector("#text").value === "an answer"`)
	p.typeKeys("!")
	p.press("Enter")
	p.await(5*time.Second, "it was edited", `document.querySelector("#messages li:last-child .text").textContent === "an answer!"`)
	p.awaitFocus("#text")

	for range 10 {
		if strings.HasPrefix(p.focus(), "article") {
			break
		}
		p.press("Tab", shift)
	}
	p.awaitFocus("article 1") // where one left
	p.press("End")
	p.awaitFocus("article 4")
	p.press("Delete")
	p.await(5*time.Second, "it asks", `!!document.querySelector("#confirm")`)
	p.press("Escape")
	p.awaitFocus("article 4") // where one was
	p.press("Delete")
	p.await(5*time.Second, "it asks again", `!!document.querySelector("#confirm")`)
	look[bool](p, `document.querySelector("#confirm [data-action=confirm]").focus(), true`)
	p.press("Enter")
	p.await(5*time.Second, "it was deleted", `!!document.querySelector('li[data-offset="4"] .text.deleted')`)
	p.checkQuiet(s)
}

// A screen reader is told what comes, once: not what was there, nor what a change redraws.
func TestPageOnlyNewMessagesAreAnnounced(t *testing.T) {
	s := start(t)
	s.post("123", "bob", "before")
	p := openTab(t, chromium(t), "en")
	p.open(s.url("/room/123/?name=ann"))
	p.state("online")
	p.awaitTexts("before")
	look[bool](p, `(() => {
		window.added = []
		new MutationObserver(list => {
			for (const m of list) for (const n of m.addedNodes) {
				if (n.localName === "li" && n.classList.contains("message") && !n.classList.contains("pending")) window.added.push(n.querySelector(".text").textContent)
			}
		}).observe(document.querySelector("#messages"), { childList: true })
		return true
	})()`)
	offset := s.post("123", "bob", "hello").Offset
	p.awaitTexts("before", "hello")
	p.say("hi bob")
	p.awaitTexts("before", "hello", "hi bob")
	p.awaitPending(0)
	s.react("123", "bob", offset, "👍", true)
	p.await(5*time.Second, "the reaction is there", `!!document.querySelector("#messages .reaction")`)
	if got := look[[]string](p, `window.added`); fmt.Sprint(got) != "[hello]" {
		t.Errorf("new elements in the log were %q: want bob's, once; one's own was there while it was under way", got)
	}
	if look[string](p, `document.querySelector("#log").getAttribute("role") + document.querySelector("#log").getAttribute("aria-live")`) != "logpolite" {
		t.Error("the log isn't a polite one")
	}
	p.checkQuiet(s)
}
