//go:build linux

package e2e

import (
	"fmt"
	"testing"
	"time"
)

// The pictures are for people to look at; the test makes sure only that there is something to see.
func TestPagePictures(t *testing.T) {
	browser := chromium(t)
	for lang, y := range plays {
		t.Run(lang, func(t *testing.T) {
			s := y.begin(t)
			p := openTab(t, browser, map[string]string{"zh": "zh-CN", "en": "en-GB"}[lang])
			p.use(desk)
			picture := func(what string) {
				t.Helper()
				for _, scheme := range []string{"light", "dark"} {
					p.media("prefers-color-scheme", scheme, "prefers-reduced-motion", "reduce")
					photograph(t, fmt.Sprintf("%s-%s-%s-%s.png", what, lang, p.device, scheme), []*tab{p})
				}
			}
			for _, room := range y.others {
				s.post(room, y.people[1], "🍵")
				p.open(s.url("/room/" + room + "/"))
				p.state("online")
			}
			p.name(y.people[0])
			page := s.url("/room/" + y.room + "/")
			p.open(page)
			p.state("online")
			p.say(y.mine)
			p.awaitPending(0)
			p.awaitEnd("at first")
			p.awaitRead(s, y.room, int(s.last(y.room)))

			p.open(s.url("/"))
			for i, text := range y.unread {
				s.post(y.room, y.people[1+i/2], text)
			}
			s.post(y.others[1], y.people[2], "@"+y.people[0])
			p.await(10*time.Second, "the lobby lists rooms", `document.querySelectorAll("ul.rooms li").length >= 4`)
			p.expect("status of 404")
			for _, d := range []device{desk, phone} {
				p.use(d)
				p.open(s.url("/"))
				picture("lobby")
				p.open(s.url("/room/.bad/"))
				picture("error")
			}
			p.use(desk)
			p.open(page)
			p.state("online")
			p.await(10*time.Second, "what is new is told", `!!document.querySelector("#messages .unread-line")`)
			for _, d := range []device{desk, phone} {
				p.use(d)
				p.awaitEnd("in another size")
				picture("room")
			}
			p.picturesOfOverlays(picture)
			p.checkQuiet(s)
		})
	}
}

// picturesOfOverlays opens what lies over the room, one after the other.
func (p *tab) picturesOfOverlays(picture func(what string)) {
	p.t.Helper()
	mine := look[int64](p, `+[...document.querySelectorAll("#messages li.mine")].at(-1).dataset.offset`)
	closed := func() {
		p.t.Helper()
		p.press("Escape")
		p.await(5*time.Second, "nothing lies over the room", `!document.querySelector("dialog, .shade")`)
	}
	for _, column := range []string{"rooms-column", "panel"} {
		p.click(".bar button[aria-controls=" + column + "]")
		p.await(5*time.Second, column+" is open", `!!document.querySelector(".shade")`)
		picture(column)
		closed()
	}
	p.tap(row(mine) + " .text")
	p.await(5*time.Second, "the sheet is open", `!!document.querySelector("#sheet")`)
	picture("sheet")
	closed()

	p.use(desk)
	p.act(mine, "react")
	p.await(5*time.Second, "the picker is open", `document.querySelectorAll("#picker button").length > 20`)
	picture("picker")
	closed()
	p.act(mine, "reply")
	p.typeKeys("@")
	p.await(5*time.Second, "names are offered", `!!document.querySelector("#mention-list")`)
	picture("reply")
}
