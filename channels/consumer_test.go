package channels_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/channels/channelstest"
	"github.com/teahouse-chat/teahouse/ws"
)

func TestMethodsAreCalledInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls record
		r := newRig(t, nil, consumer{
			connect: func(_ context.Context, c *channels.Conn) error {
				calls.note("connect")
				defer calls.note("connected")
				return c.Accept(nil)
			},
			receive: func(_ context.Context, c *channels.Conn, f channels.Frame) error {
				calls.note("receive:%s", f.Text())
				return c.Send(f)
			},
			disconnect: func(_ context.Context, _ *channels.Conn, code channels.CloseCode) error {
				calls.note("disconnect:%d", code)
				return nil
			},
		})
		c := r.dial("/room/1/")
		c.SendText("a")
		c.Send(channels.Binary([]byte{0}))
		wantText(t, c, "a")
		if f, err := c.Receive(t.Context()); err != nil || f.IsText() || string(f.Payload) != "\x00" {
			t.Errorf("got %v, %v", f, err)
		}
		c.SendText("b")
		if err := c.Disconnect(ws.CloseGoingAway); err != nil {
			t.Error(err)
		}
		if got, want := calls.String(), "connect connected receive:a receive:\x00 receive:b disconnect:1001"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestOneCallAtATimeAndAFrameFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls record
		at := 0
		enter := func(what string) {
			if at++; at > 1 {
				t.Errorf("%s is called while another call is at work", what)
			}
			calls.note("%s", what)
			time.Sleep(time.Second)
			at--
		}
		r := newRig(t, nil, consumer{
			connect: func(ctx context.Context, c *channels.Conn) error {
				err := inGroup(ctx, c)
				enter("connect")
				return err
			},
			receive: func(_ context.Context, _ *channels.Conn, f channels.Frame) error {
				enter(f.Text())
				return nil
			},
			event: func(_ context.Context, _ *channels.Conn, m channels.Message) error {
				enter(m.Str("text"))
				return nil
			},
			disconnect: func(context.Context, *channels.Conn, channels.CloseCode) error {
				enter("disconnect")
				return nil
			},
		})
		c := channelstest.New(r.handler, "/room/1/")
		go func() {
			time.Sleep(time.Millisecond) // Connect is at work
			r.send("1", "test.event", "e1")
			r.send("1", "test.event", "e2")
		}()
		if err := c.Connect(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond) // e1 is at work
		c.SendText("f1")
		c.SendText("f2")
		r.send("1", "test.event", "e3")
		time.Sleep(10 * time.Second)
		if err := c.Disconnect(normal); err != nil {
			t.Error(err)
		}
		// f2 comes as soon as f1 is done, but e2 waits since before f2 was read: either may be next.
		if got := calls.String(); got != "connect e1 f1 e2 f2 e3 disconnect" && got != "connect e1 f1 f2 e2 e3 disconnect" {
			t.Errorf("got %q", got)
		}
	})
}

func TestConnectMayDenyFailOrForget(t *testing.T) {
	for name, c := range map[string]struct {
		connect func(context.Context, *channels.Conn) error
		status  int
		body    string
		logged  string
	}{
		"denies":    {func(context.Context, *channels.Conn) error { return channels.ErrDeny }, 403, "connection denied", ""},
		"says why":  {func(_ context.Context, c *channels.Conn) error { return c.Deny("not your room") }, 403, "not your room", ""},
		"wraps it":  {func(context.Context, *channels.Conn) error { return fmt.Errorf("secret: %w", channels.ErrDeny) }, 403, "connection denied", ""},
		"fails":     {func(context.Context, *channels.Conn) error { return errors.New("secret") }, 500, "internal error", "secret"},
		"panics":    {func(context.Context, *channels.Conn) error { panic("secret") }, 500, "internal error", "secret"},
		"forgets":   {func(context.Context, *channels.Conn) error { return nil }, 403, "connection denied", "neither accepted nor denied"},
		"bad group": {func(ctx context.Context, c *channels.Conn) error { return c.GroupAdd(ctx, "房间") }, 400, "bad name", ""},
		"is a 429":  {func(context.Context, *channels.Conn) error { return &ws.HandshakeError{Status: 429, Reason: "slowly"} }, 429, "slowly", ""},
		"not asked": {func(_ context.Context, c *channels.Conn) error {
			return c.Accept(&channels.AcceptOptions{Subprotocol: "x"})
		}, 500, "internal error", "doesn't offer"},
		"closes": {func(_ context.Context, c *channels.Conn) error {
			return errors.Join(c.Close(normal, ""), channels.ErrDeny)
		}, 403, "denied", ""},
		"sends soon": {func(_ context.Context, c *channels.Conn) error { return errors.Join(c.SendText("x"), channels.ErrDeny) }, 403, "denied", ""},
	} {
		t.Run(name, func(t *testing.T) {
			disconnected := false
			r := newRig(t, nil, consumer{connect: c.connect, disconnect: func(context.Context, *channels.Conn, channels.CloseCode) error {
				disconnected = true
				return nil
			}}, "all")
			err := channelstest.New(r.handler, "/room/1/").Connect()
			var denied *channelstest.DeniedError
			if !errors.As(err, &denied) || denied.Status != c.status || !strings.Contains(denied.Body, c.body) || strings.Contains(denied.Body, "secret") {
				t.Errorf("got %v, want status %d and %q", err, c.status, c.body)
			}
			if got := r.logged.String(); c.logged == "" && got != "" || !strings.Contains(got, c.logged) {
				t.Errorf("logged %q, want %q", got, c.logged)
			}
			if disconnected {
				t.Error("Disconnect was called")
			}
		})
	}
}

func TestAcceptTellsSubprotocolAndHeaders(t *testing.T) {
	r := newRig(t, nil, consumer{connect: func(_ context.Context, c *channels.Conn) error {
		if got := strings.Join(c.Subprotocols(), "|"); got != "one|two" {
			t.Errorf("offered %q", got)
		}
		if c.Request().URL.Query().Get("name") != "ann" {
			t.Error("the request isn't there")
		}
		err := c.Accept(&channels.AcceptOptions{Subprotocol: "two", Header: http.Header{"set-cookie": {"a=b"}}})
		if again := c.Accept(nil); again == nil {
			t.Error("accepted twice")
		}
		return err
	}, receive: func(_ context.Context, c *channels.Conn, _ channels.Frame) error {
		if c.Request() != nil || c.Subprotocols() != nil {
			t.Error("the request is kept")
		}
		return errors.Join(c.SendText(c.PathValue("group")+c.PathValue("other")+c.Subprotocol()), c.Accept(nil))
	}})
	c := channelstest.New(r.handler, "/room/42/?name=ann", "one", "two")
	if err := c.Connect(); err != nil {
		t.Fatal(err)
	}
	if got := c.Subprotocol(); got != "two" {
		t.Errorf("agreed on %q", got)
	}
	if got := c.Header().Get("Set-Cookie"); got != "a=b" {
		t.Errorf("the cookie is %q", got)
	}
	c.SendText("")
	wantText(t, c, "42two")
	if err := c.Disconnect(normal); err != nil {
		t.Errorf("accepting a connection that is accepted ended it: %v", err)
	}
}

func TestErrorsOfAConsumerEndItsConnection(t *testing.T) {
	own := &channels.CloseError{Code: 4000, Reason: "enough"}
	failed := errors.New("broken")
	for name, c := range map[string]struct {
		fail   func() error
		code   channels.CloseCode // 0: it goes on
		logged string
	}{
		"an error":             {func() error { return failed }, ws.CloseInternal, "broken"},
		"a panic":              {func() error { panic("broken") }, ws.CloseInternal, "broken"},
		"a code of its own":    {func() error { return own }, 4000, ""},
		"a wrapped code":       {func() error { return errors.Join(own, failed) }, 4000, ""},
		"a code that can't be": {func() error { return &channels.CloseError{Code: 1006} }, ws.CloseInternal, "may not be sent"},
		"a client that's gone": {func() error { return channels.ErrClosed }, 0, ""},
	} {
		for _, kind := range []string{"frame", "event", "connect"} {
			t.Run(name+" for "+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { testFailure(t, kind, c.fail, c.code, c.logged) })
			})
		}
	}
}

// testFailure has one method of a consumer fail.
func testFailure(t *testing.T, kind string, fail func() error, code channels.CloseCode, logged string) {
	told := make(chan channels.CloseCode, 1)
	k := consumer{
		connect: inGroup,
		disconnect: func(_ context.Context, _ *channels.Conn, code channels.CloseCode) error {
			told <- code
			return nil
		},
	}
	switch kind {
	case "connect":
		k.connect = func(_ context.Context, c *channels.Conn) error { return errors.Join(c.Accept(nil), fail()) }
	case "frame":
		k.receive = func(context.Context, *channels.Conn, channels.Frame) error { return fail() }
	case "event":
		k.event = func(context.Context, *channels.Conn, channels.Message) error { return fail() }
	}
	r := newRig(t, nil, k)
	c := channelstest.New(r.handler, "/room/1/")
	if err := c.Connect(); (err != nil) != (kind == "connect" && code != 0) {
		t.Fatalf("connect: %v", err)
	}
	switch kind {
	case "frame":
		c.SendText("x")
	case "event":
		r.send("1", "test.event", "x")
	}
	synctest.Wait()
	if code == 0 {
		if err := c.Disconnect(normal); err != nil {
			t.Error(err)
		}
		return
	}
	if kind != "connect" {
		if _, err := c.Receive(t.Context()); err == nil {
			t.Error("the error isn't told to the test")
		}
	}
	wantClosed(t, c, code)
	if got := <-told; got != code {
		t.Errorf("Disconnect is told %d", got)
	}
	if got := r.logged.String(); logged == "" && got != "" || !strings.Contains(got, logged) {
		t.Errorf("logged %q, want %q", got, logged)
	}
}

func TestMessagesOfUnknownTypeEndTheConnection(t *testing.T) {
	for _, m := range []channels.Message{{"type": "unknown"}, {"text": "no type"}, {"type": 7}} {
		r := newRig(t, nil, consumer{connect: inGroup})
		c := r.dial("/room/1/")
		if err := r.layer.GroupSend(t.Context(), "1", m); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Receive(t.Context()); err == nil || !strings.Contains(err.Error(), "no handler for layer messages of type") {
			t.Errorf("%v: got %v", m, err)
		}
		wantClosed(t, c, ws.CloseInternal)
		if !strings.Contains(r.logged.String(), "no handler") {
			t.Errorf("%v: logged %q", m, r.logged)
		}
	}
}

func TestCloseHasCodeAndReason(t *testing.T) {
	r := newRig(t, nil, consumer{receive: func(_ context.Context, c *channels.Conn, _ channels.Frame) error {
		if err := c.Close(1006, ""); err == nil {
			t.Error("a code that may not be sent was sent")
		}
		return errors.Join(c.SendText("bye"), c.Close(4001, "关闭"), c.Close(4002, "again"))
	}})
	c := r.dial("/room/1/")
	c.SendText("x")
	wantText(t, c, "bye")
	var closed *channels.CloseError
	if _, err := c.Receive(t.Context()); !errors.As(err, &closed) || closed.Code != 4001 || closed.Reason != "关闭" {
		t.Errorf("got %v", err)
	}
	if closed.Error() != "close 4001: 关闭" {
		t.Errorf("it reads %q", closed)
	}
	if err := c.Wait(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestJSONIsReadAndWritten(t *testing.T) {
	type move struct{ X, Y int }
	r := newRig(t, nil, consumer{receive: func(_ context.Context, c *channels.Conn, f channels.Frame) error {
		var m move
		if err := f.JSON(&m); err != nil {
			return err
		}
		return c.SendJSON(move{m.Y, m.X})
	}})
	c := r.dial("/room/1/")
	c.SendJSON(move{1, 2})
	var got move
	if err := c.ReceiveJSON(t.Context(), &got); err != nil || got != (move{2, 1}) {
		t.Errorf("got %v, %v", got, err)
	}
	for bad, code := range map[string]channels.CloseCode{"{": ws.CloseInvalidData, `{"X":"one"}`: ws.CloseInvalidData, "\x00": ws.CloseUnsupported} {
		c := r.dial("/room/1/")
		f := channels.Text(bad)
		if code == ws.CloseUnsupported {
			f = channels.Binary([]byte(bad))
		}
		c.Send(f)
		var closed *channels.CloseError
		if _, err := c.Receive(t.Context()); !errors.As(err, &closed) || closed.Code != code {
			t.Errorf("%q: got %v, want %d", bad, err, code)
		}
	}
	if _, err := channels.JSON(func() {}); err == nil {
		t.Error("a function was written as JSON")
	}
}

func TestContextEndsWithTheConnectionAndHasTheRequestsValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		var ended, disconnecting context.Context
		r := newRig(t, nil, consumer{
			connect: inGroup,
			event: func(ctx context.Context, _ *channels.Conn, _ channels.Message) error {
				ended = ctx
				<-ctx.Done() // or the test ends in a deadlock
				return ctx.Err()
			},
			disconnect: func(ctx context.Context, _ *channels.Conn, _ channels.CloseCode) error {
				disconnecting = ctx
				return ctx.Err()
			},
		})
		c := channelstest.New(r.handler, "/room/1/")
		c.Request = c.Request.WithContext(context.WithValue(context.Background(), key{}, "ann"))
		if err := c.Connect(); err != nil {
			t.Fatal(err)
		}
		r.send("1", "test.event", "x")
		synctest.Wait()
		if err := c.Disconnect(normal); err != nil {
			t.Error(err)
		}
		if ended.Value(key{}) != "ann" || disconnecting.Value(key{}) != "ann" {
			t.Error("the request's values are lost")
		}
		if deadline, ok := disconnecting.Deadline(); !ok || time.Until(deadline) > 10*time.Second {
			t.Error("Disconnect has no deadline")
		}
	})
}

// Handlers that wait hold nobody up, however many they are: neither another connection's handlers, nor the frames of one whose inbox has something.
func TestHandlersThatWaitDoNotHoldOthersUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		goOn := make(chan struct{})
		r := newRig(t, nil, consumer{connect: inGroup, event: func(_ context.Context, c *channels.Conn, m channels.Message) error {
			if m.Str("text") == "wait" {
				<-goOn
			}
			return c.SendText(m.Str("text"))
		}, receive: func(_ context.Context, c *channels.Conn, f channels.Frame) error { return c.Send(f) }})
		var waiting []*channelstest.Communicator
		for range 2000 {
			waiting = append(waiting, r.dial("/room/waiting/"))
		}
		quick := r.dial("/room/quick/")
		r.send("waiting", "test.event", "wait")
		began := time.Now()
		r.send("quick", "test.event", "event")
		quick.SendText("frame")
		wantText(t, quick, "frame")
		if took := time.Since(began); took > 0 {
			t.Errorf("a frame waited %v", took)
		}
		wantText(t, quick, "event")
		if took := time.Since(began); took > 50*time.Millisecond {
			t.Errorf("a handler waited %v for others", took)
		}
		close(goOn)
		for _, c := range waiting {
			wantText(t, c, "wait")
		}
		r.send("waiting", "test.event", "next")
		for _, c := range waiting {
			wantText(t, c, "next")
		}
	})
}

func TestClientThatNeverPausesDoesNotHoldUpItsLayerMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls record
		r := newRig(t, nil, consumer{connect: inGroup, receive: func(context.Context, *channels.Conn, channels.Frame) error {
			time.Sleep(time.Second)
			calls.note("f")
			return nil
		}, event: func(context.Context, *channels.Conn, channels.Message) error {
			calls.note("e")
			return nil
		}})
		c := r.dial("/room/1/")
		for range 6 {
			c.SendText("x")
		}
		synctest.Wait()
		for range 3 {
			r.send("1", "test.event", "x")
		}
		time.Sleep(10 * time.Second)
		if got := calls.String(); got != "f f e f e f e f f" {
			t.Errorf("got %q", got)
		}
	})
}

func TestErrorOfAnotherConnectionEndsTheOneWhoseMethodReturnsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var first *channels.Conn
		r := newRig(t, nil, consumer{connect: func(_ context.Context, c *channels.Conn) error {
			if first == nil {
				first = c
			}
			return c.Accept(nil)
		}, receive: func(context.Context, *channels.Conn, channels.Frame) error { return first.SendText("hi") }})
		ann, bob := r.dial("/room/1/"), r.dial("/room/1/")
		if err := ann.Disconnect(normal); err != nil {
			t.Error(err)
		}
		bob.SendText("for ann")
		wantClosed(t, bob, ws.CloseInternal)
	})
}

func TestMessageThatCannotBeEncodedForOneIsCountedToo(t *testing.T) {
	r := newRig(t, nil, consumer{receive: func(ctx context.Context, c *channels.Conn, _ channels.Frame) error {
		name, err := c.ChannelName(ctx)
		return errors.Join(err, c.Layer().Send(ctx, name, channels.Message{"type": "test.frame"}),
			c.Layer().Send(ctx, name, channels.Message{"type": "test.frame", "text": "next"}))
	}})
	c := r.dial("/room/1/")
	c.SendText("x")
	wantText(t, c, "next")
	if got := r.Losses().Total(channels.LossNotEncoded); got != 1 {
		t.Errorf("counted %d", got)
	}
}
