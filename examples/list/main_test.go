package main

import (
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/examples/internal/peer"
	"github.com/teahouse-chat/teahouse/ws"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestGuestsAreGreetedAndHearEachOther(t *testing.T) {
	server := channels.NewServer(nil, nil)
	site := peer.Serve(t, routes(server), server)
	if html := peer.Get(t, site.URL+"/room/123/"); !strings.Contains(html, "请输入") {
		t.Errorf("the page is %.80q", html)
	}
	ann, bob := peer.Dial(t, site.URL, "/room/123/", nil), peer.Dial(t, site.URL, "/room/456/", nil)
	ann.Hears("来了呀客官")
	bob.Hears("来了呀客官")
	ann.Say("two teas, please")
	ann.Hears("two teas, please")
	bob.Hears("two teas, please")
	bob.Say("关闭")
	bob.IsClosed(ws.CloseNormal)
	ann.Say("is anybody here?")
	ann.Hears("is anybody here?")
}
