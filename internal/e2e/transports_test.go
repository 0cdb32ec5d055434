//go:build linux

package e2e

import (
	"fmt"
	"testing"
	"time"
)

func TestPageFallsBackAndClimbsAgain(t *testing.T) {
	s := start(t, "--limits", "off")
	g, addr := newGateway(t, s)
	net := newProxy(t, addr)
	front := net.front(s)
	p, friend := openTab(t, chromium(t), "en"), openTab(t, chromium(t), "en")
	friend.open(s.url("/room/123/?name=bob"))
	friend.state("online")

	var said []string
	talk := func(how string) {
		t.Helper()
		for i, page := range []*tab{p, friend} {
			said = append(said, fmt.Sprintf("%s %d", how, i))
			page.say(said[len(said)-1])
			p.awaitTexts(said...)
			friend.awaitTexts(said...)
		}
	}
	p.serverIsAway() // a refused upgrade is an error in the console
	g.noSockets.Store(true)
	p.open(front.url("/room/123/?name=ann"))
	p.state("online")
	talk("stream")
	if g.streams.Load() == 0 {
		t.Error("without WebSocket the page opened no stream")
	}

	g.buffers.Store(true)
	net.cut()
	talk("poll")
	if g.polls.Load() == 0 {
		t.Error("with streams held back the page didn't poll")
	}
	p.state("online")

	lines := look[int](p, `document.querySelectorAll("#messages li.line.disconnected").length`)
	g.buffers.Store(false)
	g.noSockets.Store(false)
	before := g.sockets.Load()
	p.await(90*time.Second, "the page is on a WebSocket again", `document.querySelector("#state").dataset.by === "websocket"`)
	if g.sockets.Load() == before {
		t.Error("the page says that it is on a WebSocket, but opened none")
	}
	talk("websocket")
	if now := look[int](p, `document.querySelectorAll("#messages li.line.disconnected").length`); now != lines {
		t.Errorf("to climb back was told as %d breaks", now-lines)
	}
	p.checkQuiet(front)
}
