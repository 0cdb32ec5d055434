package channelstest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/channels/channelstest"
	"github.com/teahouse-chat/teahouse/ws"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clerk is a consumer that does what it is told, and waits a second before it answers.
type clerk struct{ ended channels.CloseCode }

func (k *clerk) Connect(_ context.Context, c *channels.Conn) error {
	if c.Request().Header.Get("Authorization") == "" {
		return c.Deny("who are you?")
	}
	return c.Accept(nil)
}

func (k *clerk) Receive(_ context.Context, c *channels.Conn, f channels.Frame) error {
	time.Sleep(time.Second)
	switch f.Text() {
	case "close":
		return c.Close(4000, "as you wish")
	case "fail":
		return errors.New("broken")
	case "binary":
		return c.Send(channels.Binary([]byte{1}))
	}
	return c.Send(f)
}

func (k *clerk) Disconnect(_ context.Context, _ *channels.Conn, code channels.CloseCode) error {
	k.ended = code
	return errors.New("the end")
}

func dial(t *testing.T) (*channelstest.Communicator, *clerk) {
	t.Helper()
	k := &clerk{}
	s := channels.NewServer(nil, nil)
	t.Cleanup(func() { _ = s.Close() })
	c := channelstest.New(channels.Handler(s, func() *clerk { return k }, nil), "/")
	c.Request.Header.Set("Authorization", "me")
	if err := c.Connect(); err != nil {
		t.Fatal(err)
	}
	return c, k
}

func TestADenialSaysHowTheRequestWasAnswered(t *testing.T) {
	s := channels.NewServer(nil, nil)
	defer s.Close()
	err := channelstest.New(channels.Handler(s, func() *clerk { return &clerk{} }, nil), "/").Connect()
	var denied *channelstest.DeniedError
	if !errors.As(err, &denied) || denied.Status != http.StatusForbidden || !errors.Is(err, channels.ErrDeny) {
		t.Fatalf("got %v", err)
	}
	if got := err.Error(); got != "denied with status 403: connection denied: who are you?" {
		t.Errorf("it reads %q", got)
	}
}

func TestWhatTheConsumerSendsIsReceivedInOrderWithinASyntheticTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, k := dial(t)
		began := time.Now()
		c.SendText("a")
		c.SendJSON("b")
		c.SendText("binary")
		if got, err := c.ReceiveText(t.Context()); got != "a" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
		var got string
		if err := c.ReceiveJSON(t.Context(), &got); got != "b" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
		if _, err := c.ReceiveText(t.Context()); err == nil {
			t.Error("a binary frame was taken for text")
		}
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("it took %v", took)
		}
		if err := c.ReceiveNothing(time.Hour); err != nil {
			t.Error(err)
		}
		c.SendText("c")
		if err := c.ReceiveNothing(time.Minute); err == nil {
			t.Error("a frame is nothing")
		}
		if err := c.Disconnect(ws.CloseGoingAway); err == nil || err.Error() != "the end" || k.ended != ws.CloseGoingAway {
			t.Errorf("got %v, Disconnect was told %d", err, k.ended)
		}
		if _, err := c.Receive(t.Context()); !errors.Is(err, channelstest.ErrDisconnected) {
			t.Errorf("after the end: %v", err)
		}
	})
}

func TestTheConsumersErrorIsToldOnceAndThenItsClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, k := dial(t)
		c.SendText("fail")
		if _, err := c.Receive(t.Context()); err == nil || err.Error() != "broken" {
			t.Errorf("got %v", err)
		}
		if err := c.Wait(t.Context()); err == nil || err.Error() != "the end" || k.ended != ws.CloseInternal {
			t.Errorf("got %v, Disconnect was told %d", err, k.ended)
		}
		var closed *channels.CloseError
		if _, err := c.Receive(t.Context()); !errors.As(err, &closed) || closed.Code != ws.CloseInternal {
			t.Errorf("got %v", err)
		}
	})
}

func TestTheConsumersCloseHasCodeAndReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := dial(t)
		c.SendText("close")
		c.SendText("never read")
		_, err := c.Receive(t.Context())
		if err == nil || err.Error() != "close 4000: as you wish" {
			t.Errorf("got %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Wait(ctx); err == nil || err.Error() != "the end" {
			t.Errorf("got %v", err)
		}
	})
}

// parrot says everything again.
type parrot struct{}

func (parrot) Connect(_ context.Context, c *channels.Conn) error { return c.Accept(nil) }

func (parrot) Receive(_ context.Context, c *channels.Conn, f channels.Frame) error { return c.Send(f) }

func (parrot) Disconnect(context.Context, *channels.Conn, channels.CloseCode) error { return nil }

// The test of a consumer, without a network.
func Example() {
	server := channels.NewServer(nil, nil)
	defer server.Close()
	handler := channels.Handler(server, func() parrot { return parrot{} }, nil)

	c := channelstest.New(handler, "/")
	fmt.Println(c.Connect())
	c.SendText("hello")
	fmt.Println(c.ReceiveText(context.Background()))
	fmt.Println(c.ReceiveNothing(10 * time.Millisecond))
	fmt.Println(c.Disconnect(ws.CloseNormal))
	// Output:
	// <nil>
	// hello <nil>
	// <nil>
	// <nil>
}
