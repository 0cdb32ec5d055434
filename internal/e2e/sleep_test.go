//go:build linux

package e2e

import (
	"fmt"
	"testing"
	"time"
)

// woken is how soon a page has caught up once it is seen again.
const woken = 5 * time.Second

func TestPageTabCatchesUpWhenItWakes(t *testing.T) {
	for _, c := range []struct {
		name  string
		sever func(net *proxy)
	}{
		{"the connection was cut", func(net *proxy) { net.cut() }},
		{"the connection is dead and looks open", func(net *proxy) { net.forget() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, "--limits", "off")
			net := newProxy(t, s.addr)
			front := net.front(s)
			p := openTab(t, chromium(t), "en")
			p.open(front.url("/room/123/?name=ann"))
			p.state("online")
			p.say("good night")
			p.awaitTexts("good night")
			p.serverIsAway()

			p.freeze()
			c.sever(net)
			want := []string{"good night"}
			for i := range 20 {
				want = append(want, fmt.Sprintf("while you slept %d", i+1))
				s.post("123", "bob", want[i+1])
			}
			began := time.Now()
			p.resume()
			p.await(woken, "all has come", `document.querySelectorAll("#messages li[data-offset]").length === 21`)
			t.Logf("caught up in %v", time.Since(began).Round(time.Millisecond))
			p.awaitTexts(want...)
			p.state("online")
			p.say("good morning")
			p.awaitTexts(append(want, "good morning")...)
		})
	}
}

// A browser tells of a network change by "offline" and "online"; between them the old connections may have died without a word.
func TestPageNetworkChangeIsNoticed(t *testing.T) {
	s := start(t, "--limits", "off")
	net := newProxy(t, s.addr)
	p := openTab(t, chromium(t), "en")
	p.open(net.front(s).url("/room/123/?name=ann"))
	p.state("online")
	p.serverIsAway()
	net.forget()
	s.post("123", "bob", "over the old network")
	p.believes(true)
	p.believes(false)
	p.await(woken, "the message came over a new connection", `document.querySelectorAll("#messages li[data-offset]").length === 1`)
	p.say("over the new one")
	p.awaitTexts("over the old network", "over the new one")
}
