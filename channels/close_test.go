package channels_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/channels/channelstest"
	"github.com/teahouse-chat/teahouse/channels/memlayer"
	"github.com/teahouse-chat/teahouse/ws"
)

func TestShutdownSaysGoingAwayAndWaits(t *testing.T) {
	accepted, codes := make(chan error, 1), make(chan channels.CloseCode, 1)
	s := channels.NewServer(nil, nil)
	h := channels.Handler(s, func() *consumer {
		return &consumer{connect: func(_ context.Context, c *channels.Conn) error {
			accepted <- c.Accept(nil) // the client may see it sooner
			return nil
		}, disconnect: func(_ context.Context, _ *channels.Conn, code channels.CloseCode) error {
			codes <- code
			return nil
		}}
	}, nil)
	conn := dialNetwork(t, h, "/")
	if err := <-accepted; err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(t.Context()) }()
	if _, _, err := conn.ReadMessage(); err == nil || !strings.Contains(err.Error(), "1001") {
		t.Errorf("got %v, want a close with 1001", err)
	}
	_ = conn.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if code := <-codes; code != ws.CloseGoingAway {
		t.Errorf("Disconnect is told %d", code)
	}
}

func TestReceiveIsNotCalledOnceAnotherMethodHasFailed(t *testing.T) {
	for _, kind := range []string{"connect", "event"} {
		t.Run(kind, func(t *testing.T) {
			at, goOn := make(chan struct{}), make(chan struct{})
			fail := func() error {
				close(at)
				<-goOn
				return errors.New("who is this?")
			}
			k := consumer{connect: inGroup, receive: func(context.Context, *channels.Conn, channels.Frame) error {
				t.Error("Receive was called")
				return nil
			}}
			if kind == "connect" {
				k.connect = func(_ context.Context, c *channels.Conn) error { return errors.Join(c.Accept(nil), fail()) }
			} else {
				k.event = func(context.Context, *channels.Conn, channels.Message) error { return fail() }
			}
			_, layer, site := networkRig(t, k, nil)
			conn := dialSite(t, site, "/room/1/")
			if kind == "event" {
				if err := layer.GroupSend(t.Context(), "1", channels.Message{"type": "test.event"}); err != nil {
					t.Fatal(err)
				}
			}
			<-at
			if err := conn.WriteMessage(websocket.TextMessage, []byte("delete everything")); err != nil {
				t.Fatal(err)
			}
			time.Sleep(50 * time.Millisecond) // so that the frame waits for its turn
			close(goOn)
			if _, _, err := conn.ReadMessage(); !websocket.IsCloseError(err, int(ws.CloseInternal)) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestCloseEndsConnectsThatAreAtWorkAndRefusesNewOnes(t *testing.T) {
	at := make(chan struct{})
	s, _, site := networkRig(t, consumer{connect: func(ctx context.Context, c *channels.Conn) error {
		close(at)
		<-ctx.Done()
		return errors.Join(ctx.Err(), c.Accept(nil))
	}}, nil)
	dial := func() int {
		conn, resp, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(site.URL, "http")+"/room/1/", nil)
		if err == nil {
			_ = conn.Close()
			return http.StatusSwitchingProtocols
		}
		return resp.StatusCode
	}
	early := make(chan int, 1)
	go func() { early <- dial() }()
	<-at
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if status := <-early; status != http.StatusServiceUnavailable {
		t.Errorf("a Connect that was at work: status %d", status)
	}
	if status := dial(); status != http.StatusServiceUnavailable { // a second Connect would panic
		t.Errorf("a new request: status %d", status)
	}
	var denied *channelstest.DeniedError
	h := channels.Handler(s, func() *consumer { return &consumer{} }, nil)
	if err := channelstest.New(h, "/").Connect(); !errors.As(err, &denied) || denied.Status != http.StatusServiceUnavailable {
		t.Errorf("a new request without a network: %v", err)
	}
}

// Connections that come while the server closes, with a Connect that waits and a frame that waits for it, must not keep Close.
func TestCloseReturnsHoweverConnectionsComeMeanwhile(t *testing.T) {
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); {
		s := channels.NewServer(nil, nil)
		site := httptest.NewServer(channels.Handler(s, func() *consumer {
			return &consumer{connect: func(ctx context.Context, c *channels.Conn) error {
				if err := c.Accept(nil); err != nil {
					return err
				}
				<-ctx.Done()
				return nil
			}}
		}, nil))
		var clients sync.WaitGroup
		for range 4 {
			clients.Go(func() {
				for {
					conn, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(site.URL, "http"), nil)
					if err != nil {
						return // the server is closed
					}
					defer conn.Close()
					_ = conn.WriteMessage(websocket.TextMessage, []byte("x")) // or it is closed already
				}
			})
		}
		time.Sleep(5 * time.Millisecond)
		closeInTime(t, s)
		clients.Wait()
		site.Close()
	}
}

// closeInTime closes a server, which nothing may keep.
func closeInTime(t *testing.T, s *channels.Server) {
	t.Helper()
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Close hangs")
	}
}

// An awayLayer takes all the time that it is given to let somebody out of a group, once it is away.
type awayLayer struct {
	*memlayer.Layer
	away atomic.Bool
}

func (l *awayLayer) GroupDiscard(ctx context.Context, group, channel string) error {
	if l.away.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	return l.Layer.GroupDiscard(ctx, group, channel)
}

func TestLeavingManyGroupsDoesNotWaitForALayerThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		layer := &awayLayer{Layer: memlayer.New(nil)}
		s := channels.NewServer(layer, nil)
		h := channels.Handler(s, func() *consumer {
			return &consumer{connect: func(ctx context.Context, c *channels.Conn) error {
				for i := range 100 {
					if err := c.GroupAdd(ctx, fmt.Sprint(c.Request().URL.Query().Get("user"), i)); err != nil {
						return err
					}
				}
				return c.Accept(nil)
			}}
		}, nil)
		ann, bob := channelstest.New(h, "/?user=ann"), channelstest.New(h, "/?user=bob")
		if err := errors.Join(ann.Connect(), bob.Connect()); err != nil {
			t.Fatal(err)
		}
		layer.away.Store(true)
		began := time.Now()
		if err := ann.Disconnect(normal); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("Disconnect came after %v", took)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 6*time.Second {
			t.Errorf("Close took %v", took)
		}
		if err := layer.Layer.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestAcceptIsForConnectAloneButSafe(t *testing.T) {
	var late sync.WaitGroup
	s, _, site := networkRig(t, consumer{connect: func(_ context.Context, c *channels.Conn) error {
		for i := range 3 {
			late.Go(func() {
				time.Sleep(time.Duration(i) * 20 * time.Microsecond)
				_ = c.Accept(nil) // one of them is in time, or none is
			})
		}
		time.Sleep(20 * time.Microsecond)
		return nil
	}}, &channels.Options{Logger: quiet()})
	for range 100 {
		conn, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(site.URL, "http")+"/room/1/", nil)
		if err == nil {
			_ = conn.Close()
		}
	}
	late.Wait()
	closeInTime(t, s)
}

// Middleware may bound a request; the connection that came of it is not bound.
func TestConnectionOutlivesItsRequestsContext(t *testing.T) {
	s := channels.NewServer(nil, nil)
	defer s.Close()
	h := channels.Handler(s, func() *consumer {
		return &consumer{connect: func(_ context.Context, c *channels.Conn) error {
			err := c.Accept(nil)
			time.Sleep(100 * time.Millisecond)
			return err
		}, receive: func(ctx context.Context, c *channels.Conn, f channels.Frame) error {
			return errors.Join(ctx.Err(), c.Send(f))
		}}
	}, nil)
	conn := dialNetwork(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 50*time.Millisecond)
		defer cancel()
		h.ServeHTTP(w, r.WithContext(ctx))
	}), "/")
	if err := conn.WriteMessage(websocket.TextMessage, []byte("here")); err != nil {
		t.Fatal(err)
	}
	if _, got, err := conn.ReadMessage(); err != nil || string(got) != "here" {
		t.Errorf("got %q, %v", got, err)
	}
}
