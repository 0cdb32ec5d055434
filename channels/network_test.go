package channels_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/channels/memlayer"
	"github.com/teahouse-chat/teahouse/fanout"
	"github.com/teahouse-chat/teahouse/ws"
)

// dialNetwork connects a foreign client through a real network.
func dialNetwork(t testing.TB, h http.Handler, path string) *websocket.Conn {
	t.Helper()
	site := httptest.NewServer(h)
	t.Cleanup(site.Close)
	return dialSite(t, site, path)
}

func dialSite(t testing.TB, site *httptest.Server, path string) *websocket.Conn {
	t.Helper()
	d := websocket.Dialer{EnableCompression: strings.Contains(path, "deflate"), NetDial: func(network, addr string) (net.Conn, error) {
		c, err := net.Dial(network, addr)
		if err == nil && strings.Contains(path, "slow") {
			err = c.(*net.TCPConn).SetReadBuffer(4 << 10)
		}
		return c, err
	}}
	conn, resp, err := d.Dial("ws"+strings.TrimPrefix(site.URL, "http")+path, nil)
	if err != nil {
		t.Fatalf("dial %s: %v (%v)", path, err, resp)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// networkRig is a rig behind a real network.
func networkRig(t testing.TB, k consumer, o *channels.Options) (*channels.Server, channels.Layer, *httptest.Server) {
	t.Helper()
	layer := memlayer.New(nil)
	s := channels.NewServer(layer, o)
	mux := http.NewServeMux()
	mux.Handle("/room/{group}/", channels.Handler(s, func() *consumer { return &k }, dispatch()))
	site := httptest.NewServer(mux)
	t.Cleanup(func() {
		site.Close()
		_ = s.Close()
		_ = layer.Close()
	})
	return s, layer, site
}

func TestClientsWithAndWithoutCompressionGetTheSameOverTheNetwork(t *testing.T) {
	_, layer, site := networkRig(t, consumer{connect: inGroup}, &channels.Options{WebSocket: &ws.Options{Compress: true}})
	plain, deflating := dialSite(t, site, "/room/1/"), dialSite(t, site, "/room/1/?deflate")
	text := strings.Repeat("来了呀客官 ", 100)
	for _, kind := range []string{"test.frame", "test.event"} {
		if err := layer.GroupSend(t.Context(), "1", channels.Message{"type": kind, "text": kind + text}); err != nil {
			t.Fatal(err)
		}
		for _, conn := range []*websocket.Conn{plain, deflating} {
			if _, got, err := conn.ReadMessage(); err != nil || string(got) != kind+text {
				t.Fatalf("got %.40q, %v", got, err)
			}
		}
	}
}

func TestRequestsThatAreNoHandshakeAreRefusedBeforeAnyConsumer(t *testing.T) {
	_, _, site := networkRig(t, consumer{connect: func(context.Context, *channels.Conn) error {
		t.Error("a consumer was asked")
		return nil
	}}, nil)
	resp, err := site.Client().Get(site.URL + "/room/1/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusUpgradeRequired || resp.Header.Get("Upgrade") != "websocket" {
		t.Errorf("got %v", resp)
	}
	d := websocket.Dialer{}
	_, resp, err = d.Dial("ws"+strings.TrimPrefix(site.URL, "http")+"/room/1/", http.Header{"Origin": {"https://elsewhere.example"}})
	if err == nil || resp.StatusCode != http.StatusForbidden {
		t.Errorf("another origin: %v, %v", resp, err)
	}
}

func TestDeniedRequestGetsItsReasonOverTheNetwork(t *testing.T) {
	_, _, site := networkRig(t, consumer{connect: func(_ context.Context, c *channels.Conn) error { return c.Deny("members only") }}, nil)
	d := websocket.Dialer{}
	_, resp, err := d.Dial("ws"+strings.TrimPrefix(site.URL, "http")+"/room/1/", nil)
	if err == nil || resp.StatusCode != http.StatusForbidden {
		t.Fatalf("got %v, %v", resp, err)
	}
	if body, _ := io.ReadAll(resp.Body); !strings.Contains(string(body), "members only") {
		t.Errorf("got %q", body)
	}
}

// A client that doesn't read falls behind what the group keeps of encoded frames: what it lacks is counted, the others notice nothing, and it goes on
// with what comes.
func TestClientThatFallsBehindLosesCountedFramesAndGoesOn(t *testing.T) {
	losses := &channels.Losses{}
	_, layer, site := networkRig(t, consumer{connect: inGroup}, &channels.Options{
		Losses: losses, Fanout: fanout.Options{TailEntries: 16, TailBytes: 256 << 10}, WebSocket: &ws.Options{SendBuffer: 4 << 10},
	})
	slow, quick := dialSite(t, site, "/room/1/?slow"), dialSite(t, site, "/room/1/")
	const large = 200
	filler := strings.Repeat("x", 32<<10)
	send := func(i int, filler string) {
		if err := layer.GroupSend(t.Context(), "1", channels.Message{"type": "test.frame", "text": fmt.Sprintf("%06d%s", i, filler)}); err != nil {
			t.Error(err)
		}
		if _, got, err := quick.ReadMessage(); err != nil || string(got[:6]) != fmt.Sprintf("%06d", i) {
			t.Errorf("the quick one got %.10q, %v", got, err)
		}
	}
	for i := range large {
		send(i, filler)
	}
	// Now it reads. Small ones go on coming until it has one of them.
	arrived, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := large; ; i++ {
			send(i, "")
			select {
			case <-arrived:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	stop := sync.OnceFunc(func() { close(arrived); <-stopped })
	defer stop()
	got, last := 0, -1
	for last < large {
		_, text, err := slow.ReadMessage()
		if err != nil {
			t.Fatalf("after %d: %v", got, err)
		}
		n, err := strconv.Atoi(string(text[:6]))
		if err != nil || n <= last {
			t.Fatalf("%d came after %d: %v", n, last, err)
		}
		got, last = got+1, n
	}
	stop()
	if lost := int(losses.Total(channels.LossSlowReader)); lost == 0 || got+lost != last+1 {
		t.Errorf("got %d of %d, and %d are counted as lost", got, last+1, lost)
	}
}

// A client that doesn't read what its event methods send holds them up: messages wait in its inbox, further ones are counted, and it isn't closed as
// long as it reads in the end.
func TestClientThatDoesNotReadHoldsItsEventMethodsUp(t *testing.T) {
	losses := &channels.Losses{}
	_, layer, site := networkRig(t, consumer{connect: inGroup}, &channels.Options{
		Losses: losses, Inbox: 8, WebSocket: &ws.Options{SendBuffer: 4 << 10, MaxQueue: 64 << 10},
	})
	slow := dialSite(t, site, "/room/1/?slow")
	const sent = 200
	filler := strings.Repeat("x", 16<<10)
	for i := range sent {
		if err := layer.GroupSend(t.Context(), "1", channels.Message{"type": "test.event", "text": fmt.Sprintf("%06d%s", i, filler)}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	lost := int(losses.Total(channels.LossSlowHandler))
	if lost == 0 || lost == sent {
		t.Fatalf("counted %d of %d lost", lost, sent)
	}
	for i := range sent - lost {
		if _, text, err := slow.ReadMessage(); err != nil {
			t.Fatalf("after %d of %d: %v", i, sent-lost, err)
		} else if len(text) != 6+len(filler) {
			t.Fatalf("got %d bytes", len(text))
		}
	}
	if err := layer.GroupSend(t.Context(), "1", channels.Message{"type": "test.event", "text": "goes on"}); err != nil {
		t.Fatal(err)
	}
	if _, text, err := slow.ReadMessage(); err != nil || string(text) != "goes on" {
		t.Errorf("got %.20q, %v", text, err)
	}
}
