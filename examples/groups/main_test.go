package main

import (
	"context"
	"net"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/channels/channelstest"
	"github.com/teahouse-chat/teahouse/channels/memlayer"
	"github.com/teahouse-chat/teahouse/examples/internal/peer"
	"github.com/teahouse-chat/teahouse/internal/redistest"
	"github.com/teahouse-chat/teahouse/ws"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTextGoesToEveryoneInTheGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		layer := memlayer.New(nil)
		defer layer.Close()
		server := channels.NewServer(layer, nil)
		defer server.Close()
		everybody, err := server.Listen(t.Context(), "123")
		if err != nil {
			t.Fatal(err)
		}
		defer everybody.Close()

		ann := channelstest.New(routes(server), "/room/123/")
		bob := channelstest.New(routes(server), "/room/123/")
		eve := channelstest.New(routes(server), "/room/456/")
		for _, c := range []*channelstest.Communicator{ann, bob, eve} {
			if err := c.Connect(); err != nil {
				t.Fatal(err)
			}
		}
		ann.SendText("来了呀客官")
		for _, c := range []*channelstest.Communicator{ann, bob} {
			if text, err := c.ReceiveText(t.Context()); err != nil || text != "来了呀客官" {
				t.Errorf("got %q, %v", text, err)
			}
		}
		want := map[string]any{"type": "xx.oo", "message": map[string]any{"type": "websocket.receive", "text": "来了呀客官"}} // what the tutorial's Django sends
		if m, err := everybody.Receive(t.Context()); err != nil || !reflect.DeepEqual(map[string]any(m), want) {
			t.Errorf("the message is %v, %v", m, err)
		}
		if err := eve.ReceiveNothing(time.Minute); err != nil {
			t.Error(err)
		}
		for _, c := range []*channelstest.Communicator{ann, bob, eve} {
			if err := c.Disconnect(ws.CloseNormal); err != nil {
				t.Error(err)
			}
		}
	})
}

// program is the program itself, as often as one likes: it serves on a free port, and ends with the test.
func program(t *testing.T, layerName string) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	layer, err := openLayer(t.Context(), layerName)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, listener, layer) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return "http://" + listener.Addr().String()
}

func TestProcessesShareGroupsOverRedis(t *testing.T) {
	redis := redistest.Start(t)
	here, there := program(t, redis.URL()), program(t, redis.URL())
	if html := peer.Get(t, here+"/room/123/"); !strings.Contains(html, "请输入") {
		t.Errorf("the page is %.80q", html)
	}
	ann, bob := peer.Dial(t, here, "/room/123/", nil), peer.Dial(t, there, "/room/123/", nil)
	ann.Say("two teas, please")
	bob.Hears("two teas, please")
	bob.Say("coming")
	ann.Hears("two teas, please", "coming")
	bob.Hears("coming")
}
