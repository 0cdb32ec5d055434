//go:build linux

package e2e

import (
	"fmt"
	"testing"
	"time"
)

// most is how many rows the page may hold: 300 messages, and what stands between them.
const most = 330

// rows counts what the list holds.
func (p *tab) rows() int {
	p.t.Helper()
	return look[int](p, `document.querySelectorAll("#messages > li").length`)
}

// offsets are the first and the last message that the page holds.
func (p *tab) offsets() (first, last int) {
	p.t.Helper()
	got := look[[2]int](p, `(() => { const all = [...document.querySelectorAll("#messages li[data-offset]")].map(e => +e.dataset.offset); return [all[0] ?? 0, all.at(-1) ?? 0] })()`)
	return got[0], got[1]
}

// awaitEnd waits until the end of the log is seen.
func (p *tab) awaitEnd(what string) {
	p.t.Helper()
	p.await(10*time.Second, what+": the end is seen", `(() => { const l = document.querySelector("#log"); return l.scrollHeight - l.clientHeight - l.scrollTop < 3 })()`)
}

// hold remembers what is read: the first message that is wholly in sight after scrolling to a place. From then on every frame is
// looked at, and how far the message moved at most is kept.
func (p *tab) hold(scroll string) {
	p.t.Helper()
	look[bool](p, `(() => {
		const log = document.querySelector("#log")
		`+scroll+`
		const edge = log.getBoundingClientRect().top
		const held = [...log.querySelectorAll("#messages li[data-offset]")].find(e => e.getBoundingClientRect().top >= edge)
		const at = () => document.querySelector('#messages li[data-offset="' + held.dataset.offset + '"] .text').getBoundingClientRect().top
		const top = at()
		const mine = window.held = { moved: 0, done: false }
		const frame = () => {
			let moved = 1e6
			try { moved = Math.abs(at() - top) } catch {}
			mine.moved = Math.max(mine.moved, moved)
			if (!mine.done) requestAnimationFrame(frame)
		}
		requestAnimationFrame(frame)
		return true
	})()`)
}

// frames lets the page draw what it was told, and hear of its own scrolling.
func (p *tab) frames() {
	p.t.Helper()
	settle[bool](p, 10*time.Second, `new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(r, 0, true))))`)
}

// moved ends hold and says how far what is read moved, in pixels.
func (p *tab) moved() float64 {
	p.t.Helper()
	p.frames()
	return look[float64](p, `(window.held.done = true, window.held.moved)`)
}

// jump is how far what is read may move, in pixels.
const jump = 2

func TestPageLongRoomIsReadWithoutJumps(t *testing.T) {
	const all = 10_000
	s := start(t, "--limits", "off")
	talk(t, s, "123", all)
	for _, d := range []device{desk, phone} {
		t.Run(d.name, func(t *testing.T) {
			p := openTab(t, chromium(t), "en")
			p.use(d)
			p.open(s.url("/room/123/?name=ann"))
			p.state("online")
			p.awaitEnd("at first")
			if _, last := p.offsets(); last != all {
				t.Errorf("the page ends at %d, want %d", last, all)
			}
			// Upwards through a thousand messages: to the very top, where the browser's own anchoring doesn't help, and short of it.
			for round := 0; ; round++ {
				first, _ := p.offsets()
				if first <= all-1000 {
					break
				}
				p.hold([]string{`log.scrollTop = 0`, `log.scrollTop = 120`}[round%2])
				p.await(10*time.Second, fmt.Sprintf("older ones than %d are there", first),
					fmt.Sprintf(`+document.querySelector("#messages li[data-offset]").dataset.offset < %d`, first))
				if px := p.moved(); px > jump {
					t.Fatalf("what is read at %d moved by %.1f pixels", first, px)
				}
				if n := p.rows(); n > most {
					t.Fatalf("the page holds %d rows, want at most %d", n, most)
				}
			}
			// And down again to the newest.
			for {
				_, last := p.offsets()
				if last == all {
					break
				}
				p.hold(`log.scrollTop = log.scrollHeight`)
				p.await(10*time.Second, fmt.Sprintf("newer ones than %d are there", last),
					fmt.Sprintf(`+[...document.querySelectorAll("#messages li[data-offset]")].at(-1).dataset.offset > %d`, last))
				if px := p.moved(); px > jump {
					t.Fatalf("what is read at %d moved by %.1f pixels", last, px)
				}
				if n := p.rows(); n > most {
					t.Fatalf("the page holds %d rows, want at most %d", n, most)
				}
			}
			p.checkQuiet(s)
		})
	}
}

func TestPageEndIsFollowedOnlyFromTheEnd(t *testing.T) {
	s := start(t, "--limits", "off")
	talk(t, s, "123", 200)
	p := openTab(t, chromium(t), "en")
	p.use(desk)
	p.open(s.url("/room/123/?name=ann"))
	p.state("online")
	p.awaitEnd("at first")
	awaitLast := func(offset int64) {
		t.Helper()
		p.await(10*time.Second, "the message is there", fmt.Sprintf(`!!document.querySelector('#messages li[data-offset="%d"]')`, offset))
	}
	awaitLast(s.post("123", "bob", "seen at once\nin two lines").Offset)
	p.awaitEnd("after a message")

	p.hold(`log.scrollTop -= 600`)
	p.frames()
	for i := range 3 {
		awaitLast(s.post("123", "bob", fmt.Sprint("below ", i+1)).Offset)
	}
	p.await(10*time.Second, "three new ones are told of", `document.querySelector("#newer").checkVisibility() && /3/.test(document.querySelector("#newer").textContent)`)
	if px := p.moved(); px > jump {
		t.Errorf("what is read moved by %.1f pixels when messages came below", px)
	}
	p.click("#newer")
	p.awaitEnd("by the button")
	p.await(10*time.Second, "the button is gone", `!document.querySelector("#newer").checkVisibility()`)

	// What one writes oneself is seen, wherever one was.
	p.hold(`log.scrollTop -= 600`)
	p.moved()
	p.say("from above")
	p.awaitEnd("after one's own message")
	p.checkQuiet(s)
}
