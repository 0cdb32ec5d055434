//go:build linux

package e2e

import (
	"fmt"
	"testing"
	"time"
)

// awaitUnread waits until the list of rooms says so many for a room; 0 is no number at all.
func (p *tab) awaitUnread(room string, n int) {
	p.t.Helper()
	want := ""
	if n > 0 {
		want = fmt.Sprint(n)
	}
	p.await(10*time.Second, fmt.Sprintf("%s has %d unread", room, n), fmt.Sprintf(
		`!!document.querySelector('#rooms [data-room=%q]') && (document.querySelector('#rooms [data-room=%[1]q] .unread')?.textContent ?? "") === %q`, room, want))
}

func TestPageUnreadLineAndTheWayToIt(t *testing.T) {
	s := start(t, "--limits", "off")
	talk(t, s, "123", 20)
	p := openTab(t, chromium(t), "en")
	p.use(desk)
	p.open(s.url("/room/123/?name=ann"))
	p.state("online")
	p.awaitEnd("at first")
	const line = `document.querySelector("#messages .unread-line")`
	if look[bool](p, "!!"+line) {
		t.Error("on a first visit something is called new")
	}
	p.open(s.url("/"))
	talk(t, s, "123", 400)
	p.open(s.url("/room/123/"))
	p.state("online")
	p.click("#first-unread")
	p.await(10*time.Second, "the first unread message is in sight", inSight(21))
	p.await(5*time.Second, "the line stands over it", line+`?.nextElementSibling?.dataset.offset === "21"`)
	if n := p.rows(); n > most {
		t.Errorf("the page holds %d rows, want at most %d", n, most)
	}
	p.click("#newest, #newer:not([hidden])")
	p.await(10*time.Second, "the newest is in sight", inSight(420))
	p.awaitRead(s, "123", 420)

	p.open(s.url("/"))
	p.open(s.url("/room/123/"))
	p.state("online")
	p.await(10*time.Second, "the newest is in sight", inSight(420))
	if look[bool](p, "!!"+line+` || !!document.querySelector("#first-unread")`) {
		t.Error("what was read is still called new")
	}

	// Few that are new: the line is seen at once, with what was read above it.
	p.open(s.url("/"))
	for i := range 3 {
		s.post("123", "bob", fmt.Sprint("new ", i))
	}
	p.open(s.url("/room/123/"))
	p.await(10*time.Second, "the line stands over the three", line+`?.nextElementSibling?.dataset.offset === "421"`)
	p.await(10*time.Second, "the newest is in sight", inSight(423))
	p.checkQuiet(s)
}

// awaitRead waits until the server knows that the person has read a room so far.
func (p *tab) awaitRead(s *teahouse, room string, offset int) {
	p.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		got := settle[int](p, 10*time.Second, fmt.Sprintf(`fetch(%q).then(r => r.json()).then(m => m.rooms.find(r => r.room === %q)?.read ?? -1)`, s.url("/me/rooms"), room))
		if got >= offset {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("the server's mark in %s is %d, want %d", room, got, offset)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func TestPageUnreadCountsAreOneForAllTabs(t *testing.T) {
	s := start(t, "--limits", "off")
	first := openTab(t, chromium(t), "en")
	first.use(desk)
	for _, room := range []string{"kitchen", "garden"} {
		s.post(room, "bob", "hello")
		first.open(s.url("/room/" + room + "/"))
		first.state("online")
		first.awaitTexts("hello")
		first.name("ann")
		first.awaitRead(s, room, 1)
	}
	second := first.another()
	second.use(desk)
	second.open(s.url("/room/hall/"))
	second.state("online")
	tabs := []*tab{first, second} // in garden, in hall
	s.post("hall", "bob", "hello")
	second.awaitRead(s, "hall", 1)

	for i := range 3 {
		s.post("kitchen", "bob", fmt.Sprint("dinner ", i))
	}
	for _, p := range tabs {
		p.awaitUnread("kitchen", 3)
		p.await(5*time.Second, "the title says so", `document.title.startsWith("(3)")`)
	}
	s.post("garden", "bob", "look, rain") // seen in the first tab, and so read
	first.awaitTexts("hello", "look, rain")
	first.awaitUnread("garden", 0)
	second.awaitUnread("garden", 0)

	second.click(`#rooms [data-room="kitchen"] a`)
	second.awaitTexts("hello", "dinner 0", "dinner 1", "dinner 2")
	second.await(5*time.Second, "the address is the room's", `location.pathname === "/room/kitchen/"`)
	for _, p := range tabs {
		p.awaitUnread("kitchen", 0)
		p.await(5*time.Second, "the title is plain", `!document.title.startsWith("(")`)
	}

	s.post("hall", "bob", "@ann where are you?")
	for _, p := range tabs {
		p.awaitUnread("hall", 1)
		p.await(5*time.Second, "a mention is told", `!!document.querySelector('#rooms [data-room="hall"] .mentioned')`)
	}
	second.reload()
	second.state("online")
	second.awaitUnread("hall", 1)
	first.checkQuiet(s)
	second.checkQuiet(s)
}

func TestPageDraftsAreOfTheirRoom(t *testing.T) {
	s := start(t)
	p := openTab(t, chromium(t), "en")
	p.use(desk)
	for _, room := range []string{"kitchen", "garden"} {
		p.open(s.url("/room/" + room + "/"))
		p.state("online")
		p.awaitRead(s, room, 0)
	}
	p.write("a draft in the garden")
	p.click(`#rooms [data-room="kitchen"] a`)
	draft := func(want string) {
		t.Helper()
		p.await(5*time.Second, fmt.Sprintf("the draft is %q", want), fmt.Sprintf(`document.querySelector("#text").value === %q`, want))
	}
	draft("")
	p.write("another in the kitchen")
	look[bool](p, `history.back(), true`)
	draft("a draft in the garden")
	p.reload()
	draft("a draft in the garden")
	p.click(`#rooms [data-room="kitchen"] a`)
	draft("another in the kitchen")
	p.say("")
	p.awaitTexts("another in the kitchen")
	p.reload()
	p.state("online")
	draft("")
	p.checkQuiet(s)
}
