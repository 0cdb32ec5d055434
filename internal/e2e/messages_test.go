//go:build linux

package e2e

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// atOnce is how soon the others see what somebody does.
const atOnce = 2 * time.Second

// row is the selector of a message.
func row(offset int64) string { return fmt.Sprintf(`#messages li[data-offset="%d"]`, offset) }

// act does something to a message by the buttons that come when the mouse is over it.
func (p *tab) act(offset int64, action string) {
	p.t.Helper()
	p.hover(row(offset) + " .text")
	switch action {
	case "reply", "react":
		p.click(row(offset) + " .tools [data-action=" + action + "]")
	default:
		p.click(row(offset) + " .tools [data-action=more]")
		p.click("#menu [data-action=" + action + "]")
	}
}

// retype puts another text in the place of the field's, and sends it.
func (p *tab) retype(text string) {
	p.t.Helper()
	p.await(5*time.Second, "the field is ready to be written in", `document.activeElement?.id === "text" && document.querySelector("#text").value !== ""`)
	look[bool](p, `document.querySelector("#text").select(), true`)
	p.say(text)
}

// A shown is what one sees of a message.
type shown struct {
	Offset                     int64
	Author, Text, Quote, Emoji string
	Edited, Deleted            bool
}

func (p *tab) shown() []shown {
	p.t.Helper()
	return look[[]shown](p, `[...document.querySelectorAll("#messages li[data-offset]")].map(li => ({
		Offset: +li.dataset.offset,
		Author: li.querySelector(".author").textContent,
		Text: li.querySelector(".text").textContent,
		Quote: li.querySelector(".quote")?.textContent ?? "",
		Emoji: [...li.querySelectorAll(".reaction")].map(r => r.dataset.emoji + r.querySelector(".n").textContent).join(" "),
		Edited: !!li.querySelector(".edited"),
		Deleted: !!li.querySelector(".text.deleted"),
	}))`)
}

// awaitShown waits until a message is as it should be.
func (p *tab) awaitShown(what string, offset int64, ok func(shown) bool) {
	p.t.Helper()
	deadline := time.Now().Add(atOnce)
	for {
		all := p.shown()
		if i := slices.IndexFunc(all, func(m shown) bool { return m.Offset == offset }); i >= 0 && ok(all[i]) {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("after %v the page (%s) doesn't show that %s:\n%+v", atOnce, p.lang, what, all)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// listen gathers what a plain socket hears.
func listen(t *testing.T, s *teahouse, room string) *buffer {
	t.Helper()
	conn, err := dial(t.Context(), s.socketURL("/room/"+room+"/"), "")
	if err != nil {
		t.Fatal(err)
	}
	heard := &buffer{}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			kind, b, err := conn.Read(context.Background())
			if err != nil {
				return
			}
			if kind == websocket.MessageText {
				fmt.Fprintln(heard, string(b))
			}
		}
	}()
	t.Cleanup(func() { conn.CloseNow(); <-ended })
	return heard
}

func TestPageEditDeleteReplyAndReactAreSeenByAll(t *testing.T) {
	s := start(t)
	browser := chromium(t)
	ann, bob := openTab(t, browser, "en"), openTab(t, browser, "zh-CN")
	pages := []*tab{ann, bob}
	for i, p := range pages {
		p.use(desk)
		p.open(s.url("/room/123/?name=" + []string{"ann", "bob"}[i]))
		p.state("online")
	}
	plain := listen(t, s, "123")
	tail := runBeside(t, "tail", "--after", "0", s.url("/room/123/"))

	ann.say("helo")
	bob.awaitTexts("helo")
	eventually(t, 5*time.Second, "tail printed what isn't edited yet", func() bool { return strings.Contains(tail.out.String(), "ann: helo\n") })
	ann.awaitPending(0)
	ann.act(1, "edit")
	ann.retype("hello")
	for _, p := range pages {
		p.awaitShown("it was edited", 1, func(m shown) bool { return m.Text == "hello" && m.Edited })
	}
	bob.hover(row(1) + " .text")
	bob.click(row(1) + " .tools [data-action=more]")
	bob.await(5*time.Second, "the menu is open", `!!document.querySelector("#menu [data-action=copy-link]")`)
	if look[bool](bob, `!!document.querySelector("#menu [data-action=edit], #menu [data-action=delete]")`) {
		t.Error("bob is offered to edit or delete what ann said")
	}
	bob.press("Escape")
	bob.await(5*time.Second, "the menu is closed", `!document.querySelector("#menu")`)

	bob.act(1, "reply")
	bob.await(5*time.Second, "one may write", `document.activeElement?.id === "text"`)
	bob.say("hi ann")
	for _, p := range pages {
		p.awaitShown("it is a reply", 3, func(m shown) bool {
			return m.Text == "hi ann" && strings.Contains(m.Quote, "ann") && strings.Contains(m.Quote, "hello")
		})
	}

	thumb := `[data-quick="👍"]`
	bob.hover(row(1) + " .text")
	bob.click(row(1) + " .tools " + thumb)
	for _, p := range pages {
		p.awaitShown("bob reacted", 1, func(m shown) bool { return m.Emoji == "👍1" })
	}
	ann.click(row(1) + ` .reaction[data-emoji="👍"]`)
	for _, p := range pages {
		p.awaitShown("ann reacted too", 1, func(m shown) bool { return m.Emoji == "👍2" })
	}
	ann.hover(row(3) + " .text")
	ann.click(row(3) + " .tools " + thumb)
	bob.awaitShown("ann likes the reply", 3, func(m shown) bool { return m.Emoji == "👍1" })
	ann.click(row(3) + ` .reaction[data-emoji="👍"]`)
	for _, p := range pages {
		p.awaitShown("ann took it back", 3, func(m shown) bool { return m.Emoji == "" })
	}

	ann.say("a secret")
	bob.awaitShown("it is there", 8, func(m shown) bool { return m.Text == "a secret" })
	ann.awaitPending(0)
	ann.act(8, "delete")
	ann.click("#confirm [data-action=confirm]")
	for _, p := range pages {
		p.awaitShown("it was deleted", 8, func(m shown) bool { return m.Deleted && !strings.Contains(m.Text, "secret") })
	}

	for _, p := range pages {
		before := p.shown()
		if look[bool](p, `document.documentElement.outerHTML.includes("a secret")`) {
			t.Errorf("the deleted text is still in the page (%s)", p.lang)
		}
		p.reload()
		p.state("online")
		p.await(5*time.Second, "all is there", fmt.Sprintf(`document.querySelectorAll("#messages li[data-offset]").length === %d`, len(before)))
		p.awaitShown("the quote is there", 3, func(m shown) bool { return strings.Contains(m.Quote, "hello") })
		if after := p.shown(); !reflect.DeepEqual(after, before) {
			t.Errorf("after a reload the page shows\n%+v, before\n%+v", after, before)
		}
		p.checkQuiet(s)
	}

	// Those who know nothing of all this hear what was posted, and when it was posted.
	eventually(t, 5*time.Second, "the plain socket heard the last", func() bool { return strings.Contains(plain.String(), "a secret") })
	if got, want := plain.String(), "helo\nhi ann\na secret\n"; got != want {
		t.Errorf("the plain socket heard %q, want %q", got, want)
	}
	eventually(t, 5*time.Second, "tail printed the last", func() bool { return strings.Contains(tail.out.String(), "a secret") })
	if got := tail.out.String(); strings.Count(got, "\n") != 4 || !strings.Contains(got, "ann edited: hello\n") {
		t.Errorf("tail printed %q, want what was said and no more", got)
	}
	var kinds []string
	for _, e := range readAll(t, s, "123") {
		kinds = append(kinds, strings.TrimPrefix(e.Type, "message."))
	}
	if got, want := strings.Join(kinds, " "), "posted edited posted reacted reacted reacted reacted posted deleted"; got != want {
		t.Errorf("the log's events are %s, want %s", got, want)
	}
}

func TestPageMarkdownBecomesElements(t *testing.T) {
	s := start(t)
	p := openTab(t, chromium(t), "en")
	p.open(s.url("/room/123/?name=ann"))
	p.state("online")
	p.write("**bold** *slanted* ~~gone~~ `x < y` [a link](https://example.org/?q=1&b=2) https://example.com/bare @bob\n\n> quoted\n\n- one\n- two\n  1. deep\n\n```go\nif a < b && c {\n\treturn\n}\n```\n<b>no element</b>")
	p.key("Enter", 13)
	p.awaitPending(0)
	p.await(5*time.Second, "the message is there", `!!document.querySelector("#messages li[data-offset] .text strong")`)
	for selector, want := range map[string]string{
		"strong":            "bold",
		"em":                "slanted",
		"s":                 "gone",
		"p code":            "x < y",
		"blockquote":        "quoted",
		"ul > li":           "one",
		"ul ol > li":        "deep",
		"pre code":          "if a < b && c {\n\treturn\n}",
		".mention":          "@bob",
		`a[href$="/bare"]`:  "https://example.com/bare",
		`a[href*="?q=1&b"]`: "a link",
	} {
		got := look[string](p, fmt.Sprintf(`document.querySelector("#messages .text").querySelector(%q)?.textContent ?? "no such element"`, selector))
		if strings.TrimSuffix(got, "\n") != want {
			t.Errorf("%s is %q, want %q", selector, got, want)
		}
	}
	if rel := look[string](p, `document.querySelector("#messages .text a").rel`); !strings.Contains(rel, "noopener") {
		t.Errorf("a link's rel is %q", rel)
	}
	if look[bool](p, `!!document.querySelector("#messages .text b") || !document.querySelector("#messages .text").textContent.includes("<b>no element</b>")`) {
		t.Error("raw HTML isn't text")
	}
	p.checkQuiet(s)
}

// inSight says whether a message stands in the log's window.
func inSight(offset int64) string {
	return fmt.Sprintf(`(() => {
		const e = document.querySelector('%s'), l = document.querySelector("#log").getBoundingClientRect()
		const b = e?.getBoundingClientRect()
		return !!b && b.bottom > l.top && b.top < l.bottom
	})()`, row(offset))
}

func TestPagePermalinkLeadsToTheMessage(t *testing.T) {
	s := start(t, "--limits", "off")
	talk(t, s, "123", 1000)
	p := openTab(t, chromium(t), "en")
	p.use(desk)
	p.open(s.url("/room/123/?name=ann#17"))
	p.state("online")
	p.await(10*time.Second, "message 17 is in sight", inSight(17))
	p.await(5*time.Second, "it is marked", fmt.Sprintf(`!!document.querySelector('%s.marked')`, row(17)))
	if n := p.rows(); n > most {
		t.Errorf("the page holds %d rows, want at most %d", n, most)
	}
	look[bool](p, `location.hash = "#700", true`)
	p.await(10*time.Second, "message 700 is in sight", inSight(700))
	s.post("123", "bob", "meanwhile at the end")
	p.click("#newest, #newer:not([hidden])")
	p.await(10*time.Second, "the newest is in sight", inSight(1001))
	p.awaitEnd("by the button")

	// The link that one copies is the one that leads there.
	grant(p, s)
	p.act(1001, "copy-link")
	p.await(5*time.Second, "the page says that it was copied", `document.querySelector("#toast")?.textContent !== ""`)
	if got, want := settle[string](p, 5*time.Second, `navigator.clipboard.readText()`), s.url("/room/123/#1001"); got != want {
		t.Errorf("the link is %q, want %q", got, want)
	}
	p.checkQuiet(s)
}

func TestPageJumpToADay(t *testing.T) {
	s := start(t, "--limits", "off")
	talk(t, s, "123", 400)
	for range 2 { // 1–400 four days ago, 401–800 two days ago, the others today
		s.stop(20 * time.Second)
		age(t, s, 48*time.Hour)
		s.start()
		talk(t, s, "123", 400)
	}
	p := openTab(t, chromium(t), "en")
	p.use(desk)
	p.open(s.url("/room/123/?name=ann"))
	p.state("online")
	p.awaitEnd("at first")
	p.wheelUpTo(`!!document.querySelector("#messages li.day button")`)
	p.click("#messages li.day button")
	day := time.Now().Add(-48 * time.Hour).Format(time.DateOnly)
	p.await(5*time.Second, "a day is asked for", `!!document.querySelector("#date input")`)
	look[bool](p, fmt.Sprintf(`document.querySelector("#date input").value = %q, true`, day))
	p.press("Enter")
	p.await(10*time.Second, "the day's first message is in sight", inSight(401))
	if look[bool](p, inSight(400)) && !look[bool](p, `[...document.querySelectorAll("#messages li.day")].some(d => d.nextElementSibling?.dataset.offset === "401")`) {
		t.Error("no day stands between 400 and 401")
	}
	p.checkQuiet(s)
}

// wheelUpTo scrolls upwards as one does, until something is there.
func (p *tab) wheelUpTo(expression string) {
	p.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !look[bool](p, expression) {
		if time.Now().After(deadline) {
			p.t.Fatalf("scrolling up never led to %s", expression)
		}
		p.wheel("#log", -600)
	}
}
