package channels_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/channels/channelstest"
	"github.com/teahouse-chat/teahouse/channels/memlayer"
)

func TestEveryMemberGetsAGroupsMessagesInOrder(t *testing.T) {
	for _, kind := range []string{"test.event", "test.frame"} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, nil, consumer{connect: inGroup})
			ann, bob, eve := r.dial("/room/1/"), r.dial("/room/1/"), r.dial("/room/2/")
			for i := range 8 {
				r.send("1", kind, fmt.Sprint("m", i))
			}
			for _, c := range []*channelstest.Communicator{ann, bob} {
				wantText(t, c, "m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7")
			}
			if err := eve.ReceiveNothing(time.Minute); err != nil {
				t.Errorf("in another group: %v", err)
			}
		})
	}
}

func TestSenderGetsItsOwnMessageBack(t *testing.T) {
	r := newRig(t, nil, consumer{connect: inGroup, receive: func(ctx context.Context, c *channels.Conn, f channels.Frame) error {
		return c.GroupSend(ctx, c.PathValue("group"), channels.Message{"type": "test.event", "text": f.Text()})
	}})
	c := r.dial("/room/1/")
	c.SendText("来了呀客官")
	wantText(t, c, "来了呀客官")
}

func TestEachMemberGetsACopyOfItsOwn(t *testing.T) {
	r := newRig(t, nil, consumer{connect: inGroup, event: func(_ context.Context, c *channels.Conn, m channels.Message) error {
		nested := m["nested"].(map[string]any)
		list := nested["list"].([]any)
		text := fmt.Sprint(m["bytes"], nested, list)
		m["bytes"].([]byte)[0] = 'x'
		nested["new"], list[0], m["type"] = 1, "changed", "other"
		return c.SendText(text)
	}})
	clients := []*channelstest.Communicator{r.dial("/room/1/"), r.dial("/room/1/"), r.dial("/room/1/")}
	sent := channels.Message{"type": "test.event", "bytes": []byte("abc"), "nested": map[string]any{"list": []any{"a", int64(1)}}}
	for range 2 {
		if err := r.layer.GroupSend(t.Context(), "1", sent); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range clients {
		wantText(t, c, "[97 98 99] map[list:[a 1]] [a 1]", "[97 98 99] map[list:[a 1]] [a 1]")
	}
}

func TestGroupsOfTheHandlerAreJoinedBeforeConnectAndLeftBeforeDisconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		layer := &countingLayer{Layer: memlayer.New(nil)}
		var calls record
		r := newRig(t, layer, consumer{
			connect: func(_ context.Context, c *channels.Conn) error {
				calls.note("connect:%d", layer.adds.Load())
				return c.Accept(nil)
			},
			event: func(context.Context, *channels.Conn, channels.Message) error {
				calls.note("event")
				return nil
			},
			disconnect: func(ctx context.Context, c *channels.Conn, _ channels.CloseCode) error {
				calls.note("disconnect")
				return c.GroupSend(ctx, "all", channels.Message{"type": "test.event"})
			},
		}, "all", "staff")
		c := r.dial("/room/1/")
		r.send("all", "test.event", "hi")
		synctest.Wait()
		if err := c.Disconnect(normal); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if got := calls.String(); got != "connect:2 event disconnect" || layer.discards.Load() != 2 {
			t.Errorf("got %q, and the layer was told %d times that the server left", got, layer.discards.Load())
		}
	})
}

func TestMessagesFromBeforeAcceptWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil, consumer{connect: func(ctx context.Context, c *channels.Conn) error {
			if err := c.GroupAdd(ctx, "1"); err != nil {
				return err
			}
			time.Sleep(time.Second)
			return c.Accept(nil)
		}})
		go func() {
			time.Sleep(500 * time.Millisecond)
			r.send("1", "test.frame", "frame")
			r.send("1", "test.event", "event")
		}()
		c := r.dial("/room/1/")
		synctest.Wait()
		got := []string{}
		for range 2 {
			text, err := c.ReceiveText(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, text)
		}
		if slices.Sort(got); strings.Join(got, " ") != "event frame" {
			t.Errorf("got %q", got)
		}
	})
}

func TestNothingComesAfterGroupDiscard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil, consumer{connect: inGroup, receive: func(_ context.Context, c *channels.Conn, _ channels.Frame) error {
			c.GroupDiscard("1")
			c.GroupDiscard("never joined")
			return c.SendText("left")
		}})
		c, stays := r.dial("/room/1/"), r.dial("/room/1/")
		c.SendText("x")
		wantText(t, c, "left")
		r.send("1", "test.event", "event")
		r.send("1", "test.frame", "frame")
		if err := c.ReceiveNothing(time.Minute); err != nil {
			t.Error(err)
		}
		if _, err := stays.ReceiveText(t.Context()); err != nil {
			t.Errorf("the other one: %v", err)
		}
	})
}

// A countingLayer counts what a server asks of it, and has no Subscribe.
type countingLayer struct {
	channels.Layer
	adds, discards, channels atomic.Int64
	fail                     atomic.Bool
}

func (l *countingLayer) NewChannel(ctx context.Context, prefix string) (string, error) {
	l.channels.Add(1)
	return l.Layer.NewChannel(ctx, prefix)
}

func (l *countingLayer) GroupAdd(ctx context.Context, group, channel string) error {
	l.adds.Add(1)
	if l.fail.Load() {
		return errors.New("the layer is down")
	}
	return l.Layer.GroupAdd(ctx, group, channel)
}

func (l *countingLayer) GroupDiscard(ctx context.Context, group, channel string) error {
	l.discards.Add(1)
	return l.Layer.GroupDiscard(ctx, group, channel)
}

func TestServerIsInAGroupOnceHoweverManyOfItsConnectionsAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		layer := &countingLayer{Layer: memlayer.New(nil)}
		r := newRig(t, layer, consumer{connect: inGroup})
		var clients []*channelstest.Communicator
		var dialing sync.WaitGroup
		var mu sync.Mutex
		for range 100 {
			dialing.Go(func() {
				c := r.dial("/room/1/")
				mu.Lock()
				defer mu.Unlock()
				clients = append(clients, c)
			})
		}
		dialing.Wait()
		if adds, made := layer.adds.Load(), layer.channels.Load(); adds != 1 || made != 1 {
			t.Errorf("the layer was asked to add %d channels of %d made, want 1", adds, made)
		}
		r.send("1", "test.event", "hi")
		for _, c := range clients {
			wantText(t, c, "hi")
		}
		for i, c := range clients {
			if layer.discards.Load() != 0 {
				t.Fatalf("the server left when %d of 100 had", i)
			}
			if err := c.Disconnect(normal); err != nil {
				t.Error(err)
			}
		}
		synctest.Wait()
		if got := layer.discards.Load(); got != 1 {
			t.Errorf("the server left %d times", got)
		}
	})
}

func TestLayerThatCannotLetTheServerInIsAnErrorAndNothingIsLeft(t *testing.T) {
	layer := &countingLayer{Layer: memlayer.New(nil)}
	layer.fail.Store(true)
	r := newRig(t, layer, consumer{connect: inGroup})
	err := channelstest.New(r.handler, "/room/1/").Connect()
	if err == nil || !strings.Contains(r.logged.String(), "join group 1: the layer is down") {
		t.Errorf("got %v, logged %q", err, r.logged)
	}
	layer.fail.Store(false)
	c := r.dial("/room/1/")
	r.send("1", "test.event", "hi")
	wantText(t, c, "hi")
}

func TestServerWithoutALayerSaysSo(t *testing.T) {
	s := channels.NewServer(nil, nil)
	defer s.Close()
	var errs [3]error
	h := channels.Handler(s, func() *consumer {
		return &consumer{connect: func(ctx context.Context, c *channels.Conn) error {
			errs[0] = c.GroupAdd(ctx, "1")
			errs[1] = c.GroupSend(ctx, "1", channels.Message{"type": "x"})
			_, errs[2] = c.ChannelName(ctx)
			return c.Accept(nil)
		}}
	}, nil)
	if err := channelstest.New(h, "/").Connect(); err != nil {
		t.Fatal(err)
	}
	for _, err := range errs {
		if err == nil || !strings.Contains(err.Error(), "no layer") {
			t.Errorf("got %v", err)
		}
	}
}

func TestAConnectionsOwnChannelReachesItAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil, consumer{receive: func(ctx context.Context, c *channels.Conn, _ channels.Frame) error {
			name, err := c.ChannelName(ctx)
			if again, _ := c.ChannelName(ctx); again != name {
				t.Errorf("its name was %q and is %q", name, again)
			}
			return errors.Join(err, c.SendText(name))
		}})
		ann, bob := r.dial("/room/1/"), r.dial("/room/1/")
		ann.SendText("who am I?")
		name, err := ann.ReceiveText(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range []string{"test.event", "test.frame", "test.signal"} {
			if err := r.layer.Send(t.Context(), name, channels.Message{"type": kind, "text": kind}); err != nil {
				t.Fatal(err)
			}
		}
		wantText(t, ann, "test.event", "test.frame", "test.signal")
		if err := bob.ReceiveNothing(time.Minute); err != nil {
			t.Error(err)
		}
	})
}

func TestHandlerThatIsTooSlowLosesMessagesAndTheyAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil, consumer{connect: inGroup, event: func(_ context.Context, c *channels.Conn, m channels.Message) error {
			time.Sleep(time.Second)
			return c.SendText(m.Str("text"))
		}})
		c := r.dial("/room/1/")
		for i := range 20 {
			r.send("1", "test.event", fmt.Sprint("m", i))
			synctest.Wait()
		}
		wantText(t, c, "m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8") // one at work and eight that wait
		if err := c.ReceiveNothing(time.Minute); err != nil {
			t.Error(err)
		}
		if all := r.Losses().All(); len(all) != 1 || all[0] != (channels.Loss{Group: "1", Reason: channels.LossSlowHandler, Count: 11}) {
			t.Errorf("counted %v", all)
		}
		if got := strings.Count(r.logged.String(), "messages lost"); got < 1 || got > 2 {
			t.Errorf("logged %d records in a moment: %s", got, r.logged)
		}
	})
}

func TestMessageThatCannotBeEncodedIsLostForTheGroupAndCounted(t *testing.T) {
	r := newRig(t, nil, consumer{connect: inGroup})
	c := r.dial("/room/1/")
	r.send("1", "test.frame", "")
	r.send("1", "test.frame", "next")
	wantText(t, c, "next")
	if got := r.Losses().Total(channels.LossNotEncoded); got != 1 {
		t.Errorf("counted %d", got)
	}
	if !strings.Contains(r.logged.String(), "no text") {
		t.Errorf("logged %q", r.logged)
	}
}

func TestJoiningAndLeavingAtOnceKeepsTheGroupRight(t *testing.T) {
	r := newRig(t, nil, consumer{connect: inGroup})
	stays := r.dial("/room/1/")
	var churn sync.WaitGroup
	for range 8 {
		churn.Go(func() {
			for range 50 {
				c := r.dial("/room/1/")
				other := r.dial("/room/2/")
				if err := errors.Join(c.Disconnect(normal), other.Disconnect(normal)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	var got []string
	for i := range 100 {
		want := fmt.Sprint("m", i)
		r.send("1", "test.frame", want)
		r.send("2", "test.frame", want)
		text, err := stays.ReceiveText(t.Context())
		if err != nil || text != want {
			t.Fatalf("got %q, %v; want %q after %q", text, err, want, got)
		}
	}
	churn.Wait()
	last := r.dial("/room/2/")
	r.send("2", "test.event", "last")
	wantText(t, last, "last")
}

func TestDispatchThatContradictsItselfPanics(t *testing.T) {
	s := channels.NewServer(nil, nil)
	defer s.Close()
	encode := func(channels.Message) (channels.Frame, error) { return channels.Frame{}, nil }
	for name, d := range map[string]*channels.Dispatch[*consumer]{
		"event and encoder":  {Events: channels.Events[*consumer]{"a": (*consumer).Event}, Encoders: channels.Encoders{"a": encode}},
		"encoder and signal": {Signals: channels.Encoders{"a": encode}, Encoders: channels.Encoders{"a": encode}},
		"no name":            {Groups: []string{"a b"}},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			channels.Handler(s, func() *consumer { return &consumer{} }, d)
		}()
	}
}

func TestListenerGetsGroupsMessagesForAHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil, consumer{})
		l, err := r.Listen(t.Context(), "1", "2", "1")
		if err != nil {
			t.Fatal(err)
		}
		for i := range 10 { // two more than fit
			r.send(fmt.Sprint(1+i%2), "any.type", fmt.Sprint("m", i))
		}
		for i := range 8 {
			if m, err := l.Receive(t.Context()); err != nil || m.Str("text") != fmt.Sprint("m", i) {
				t.Errorf("got %v, %v", m, err)
			}
		}
		if got := r.Losses().Total(channels.LossSlowHandler); got != 2 {
			t.Errorf("counted %d losses, want 2", got)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if m, err := l.Receive(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, %v", m, err)
		}
		go func() {
			time.Sleep(time.Second)
			l.Close()
			l.Close()
		}()
		if m, err := l.Receive(t.Context()); !errors.Is(err, channels.ErrClosed) {
			t.Errorf("after Close: got %v, %v", m, err)
		}
		if _, err := r.Listen(t.Context(), "3", "b a d"); !errors.Is(err, channels.ErrName) {
			t.Errorf("a bad name: %v", err)
		}
	})
}

func TestSignalsAreNotKeptForOneThatIsNotThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil, consumer{connect: inGroup})
		ann := r.dial("/room/1/")
		r.send("1", "test.signal", "typing")
		wantText(t, ann, "typing")
		bob := r.dial("/room/1/")
		r.send("1", "test.frame", "text")
		wantText(t, bob, "text")
		wantText(t, ann, "text")
		r.send("1", "test.signal", "")
		if err := bob.ReceiveNothing(time.Second); err != nil {
			t.Error(err)
		}
	})
}

func TestFrameWithoutAnOpIsNotEncoded(t *testing.T) {
	layer := memlayer.New(nil)
	defer layer.Close()
	s := channels.NewServer(layer, nil)
	defer s.Close()
	c := channelstest.New(channels.Handler(s, func() *consumer { return &consumer{} }, &channels.Dispatch[*consumer]{
		Groups: []string{"all"},
		Encoders: channels.Encoders{
			"bad":  func(channels.Message) (channels.Frame, error) { return channels.Frame{Payload: []byte("x")}, nil },
			"good": func(channels.Message) (channels.Frame, error) { return channels.Text("good"), nil },
		},
	}), "/")
	if err := c.Connect(); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"bad", "good"} {
		if err := layer.GroupSend(t.Context(), "all", channels.Message{"type": kind}); err != nil {
			t.Fatal(err)
		}
	}
	wantText(t, c, "good")
	if got := s.Losses().Total(channels.LossNotEncoded); got != 1 {
		t.Errorf("counted %d", got)
	}
}

func TestTwoReceiversOfAListenerEachGetAMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil, consumer{})
		l, err := r.Listen(t.Context(), "1")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		var receivers sync.WaitGroup
		for range 2 {
			receivers.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if _, err := l.Receive(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		r.send("1", "any", "a")
		r.send("1", "any", "b")
		receivers.Wait()
	})
}
