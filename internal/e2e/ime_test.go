//go:build linux

package e2e

import (
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

func TestPageEnterInACompositionDoesNotSend(t *testing.T) {
	s := start(t)
	p := openTab(t, chromium(t), "zh-CN")
	p.open(s.url("/room/123/"))
	p.state("online")
	p.do("focus", chromedp.Focus(chromedp.CSS("#text")))
	look[bool](p, `document.querySelector("#text").addEventListener("keydown", e => { document.body.dataset.seen = e.key + " " + e.isComposing + " " + e.keyCode }), true`)

	// One chooses a candidate by Enter: some systems say so by the key code, some by isComposing.
	call(p, input.ImeSetComposition, input.ImeSetCompositionParams{Text: "chaguan", SelectionStart: 7, SelectionEnd: 7})
	p.key("Enter", 229)
	t.Logf("keydown in the composition: %s", look[string](p, `document.body.dataset.seen ?? ""`))
	p.key("Enter", 13)
	t.Logf("keydown in the composition: %s", look[string](p, `document.body.dataset.seen ?? ""`))
	if text := look[string](p, `document.querySelector("#text").value`); text == "" {
		t.Errorf("an Enter in a composition emptied the field")
	}
	look[bool](p, `document.querySelector("#text").value = "", true`)
	call(p, input.InsertText, input.InsertTextParams{Text: "茶馆"})
	p.nextKeyOfAPerson()
	p.key("Enter", 13)
	p.awaitTexts("茶馆")
	if log := readAll(t, s, "123"); len(log) != 1 {
		t.Errorf("the room has %d messages, want 1", len(log))
	}

	// Shift and Enter break the line.
	p.write("一")
	call(p, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: "keyDown", Modifiers: 8, Key: "Enter", Code: "Enter", Text: "\r", WindowsVirtualKeyCode: 13})
	call(p, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: "keyUp", Modifiers: 8, Key: "Enter", Code: "Enter", WindowsVirtualKeyCode: 13})
	p.say("二")
	p.awaitTexts("茶馆", "一\n二")
	p.checkQuiet(s)
}

// compose has an input method show these letters as being composed, with the caret behind them.
func (p *tab) compose(text string) {
	p.t.Helper()
	n := int64(len([]rune(text)))
	call(p, input.ImeSetComposition, input.ImeSetCompositionParams{Text: text, SelectionStart: n, SelectionEnd: n})
}

// nextKeyOfAPerson waits as long as a person needs for the next key at least. A test could press it within the very moment in which a composition ended, where the page
// takes an Enter for the one that ended it.
func (p *tab) nextKeyOfAPerson() {
	p.t.Helper()
	settle[bool](p, 5*time.Second, `new Promise(r => setTimeout(r, 100, true))`)
}

func TestPageSentenceIsComposedWordByWord(t *testing.T) {
	s := start(t)
	p := openTab(t, chromium(t), "zh-CN")
	p.open(s.url("/room/123/"))
	p.state("online")
	p.do("focus", chromedp.Focus(chromedp.CSS("#text")))
	for _, word := range []struct{ letters, text string }{{"wo", "我"}, {"xiang", "想"}, {"he", "喝"}, {"longjing", "龙井"}} {
		for n := range len(word.letters) {
			p.compose(word.letters[:n+1])
		}
		p.key("Enter", 229) // to some input methods Enter means: these letters as they are
		p.compose(word.text)
		call(p, input.InsertText, input.InsertTextParams{Text: word.text})
	}
	if got := look[string](p, `document.querySelector("#text").value`); got != "我想喝龙井" {
		t.Errorf("the field has %q", got)
	}
	if n := len(readAll(t, s, "123")); n != 0 {
		t.Errorf("%d messages were sent in the midst of the sentence", n)
	}
	p.nextKeyOfAPerson()
	p.key("Enter", 13)
	p.awaitTexts("我想喝龙井")
	p.awaitPending(0)
	p.compose("xie")
	p.compose("") // one thinks better of it
	p.say("谢谢")
	p.awaitTexts("我想喝龙井", "谢谢")
	p.checkQuiet(s)
}

// Safari ends the composition first and then tells of the Enter that ended it, in one task: with isComposing false, and 229 in some versions.
func TestPageEnterThatEndedACompositionInSafarisOrderDoesNotSend(t *testing.T) {
	s := start(t)
	p := openTab(t, chromium(t), "zh-CN")
	p.open(s.url("/room/123/"))
	p.state("online")
	for _, code := range []string{"229", "13"} {
		p.write("茶馆")
		prevented := look[bool](p, `(() => {
			const field = document.querySelector("#text")
			field.dispatchEvent(new CompositionEvent("compositionstart", { bubbles: true }))
			field.dispatchEvent(new CompositionEvent("compositionupdate", { bubbles: true, data: "茶馆" }))
			field.dispatchEvent(new InputEvent("input", { bubbles: true, inputType: "insertFromComposition", data: "茶馆" }))
			field.dispatchEvent(new CompositionEvent("compositionend", { bubbles: true, data: "茶馆" }))
			return !field.dispatchEvent(new KeyboardEvent("keydown", { bubbles: true, cancelable: true, key: "Enter", code: "Enter", keyCode: `+code+` }))
		})()`)
		if text := look[string](p, `document.querySelector("#text").value`); text != "茶馆" {
			t.Fatalf("key code %s: the field has %q", code, text)
		}
		t.Logf("key code %s: its default was prevented: %v", code, prevented)
		p.nextKeyOfAPerson()
		p.key("Enter", 13)
		p.await(5*time.Second, "an Enter of its own sends", `document.querySelector("#text").value === ""`)
	}
	p.awaitTexts("茶馆", "茶馆")
	p.checkQuiet(s)
}
