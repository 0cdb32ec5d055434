package layertest

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/teahouse-chat/teahouse/channels"
)

func ends(b Backend, flusher bool) []test {
	return []test{
		{"AfterCloseEverythingIsErrLayerClosed", true, testClose},
		{"CloseEndsReceivesThatWait", true, testCloseEndsReceives},
		{"AfterCloseNothingIsDelivered", true, testCloseEndsDeliveries},
		{"FlushForgetsMessagesAndMembers", flusher && !b.NoOpenChannels, testFlush},
		{"AfterAFlushGroupsReachWhatIsInUse", flusher, testFlushHeals},
	}
}

func testClose(t *testing.T, b Backend) {
	l := b.open(t, Options{})
	channel, waiting := newChannel(t, l), newChannel(t, l)
	join(t, l, "room", channel)
	send(t, l, waiting, 1)
	unsubscribe := func() {}
	if _, ok := l.(channels.Subscriber); ok {
		unsubscribe = subscribe(t, l, channel, func(channels.Message) {})
	}
	if err := l.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	ctx := t.Context()
	_, err := l.NewChannel(ctx, "")
	_, received := l.Receive(ctx, waiting)
	for what, err := range map[string]error{
		"new channel": err, "send": l.Send(ctx, channel, message(1)), "receive": received, "group add": l.GroupAdd(ctx, "room", channel),
		"group discard": l.GroupDiscard(ctx, "room", channel), "group send": l.GroupSend(ctx, "room", message(1)),
	} {
		if !errors.Is(err, channels.ErrLayerClosed) {
			t.Errorf("%s: got %v, want ErrLayerClosed", what, err)
		}
	}
	if s, ok := l.(channels.Subscriber); ok {
		if _, err := s.Subscribe(waiting, func(channels.Message) {}); !errors.Is(err, channels.ErrLayerClosed) {
			t.Errorf("subscribe: got %v, want ErrLayerClosed", err)
		}
	}
	if f, ok := l.(channels.Flusher); ok {
		if err := f.Flush(ctx); !errors.Is(err, channels.ErrLayerClosed) {
			t.Errorf("flush: got %v, want ErrLayerClosed", err)
		}
	}
	if err := l.Close(); err != nil && !errors.Is(err, channels.ErrLayerClosed) {
		t.Errorf("close again: got %v, want nil or ErrLayerClosed", err)
	}
	unsubscribe() // may come late
}

func testCloseEndsReceives(t *testing.T, b Backend) {
	l := b.open(t, Options{})
	ended := make(chan error)
	names := b.kinds(t, l)
	for _, name := range append(names, names...) {
		go func() {
			_, err := l.Receive(t.Context(), name)
			ended <- err
		}()
	}
	time.Sleep(moment)
	if err := l.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	for range 2 * len(names) {
		select {
		case err := <-ended:
			if !errors.Is(err, channels.ErrLayerClosed) {
				t.Errorf("receive: got %v, want ErrLayerClosed", err)
			}
		case <-time.After(patience):
			t.Fatal("receive: it still waits")
		}
	}
}

func testCloseEndsDeliveries(t *testing.T, b Backend) {
	l := b.open(t, Options{Capacity: 1000})
	if _, ok := l.(channels.Subscriber); !ok {
		return
	}
	channel := newChannel(t, l)
	join(t, l, "room", channel)
	var heard atomic.Int32
	var over atomic.Bool
	subscribe(t, l, channel, func(channels.Message) {
		heard.Add(1)
		if over.Load() {
			t.Error("a subscriber was called after Close had returned")
		}
	})
	ended := make(chan error)
	go func() {
		for {
			if err := l.GroupSend(t.Context(), "room", message(1)); err != nil {
				ended <- err
				return
			}
			time.Sleep(moment / 1000)
		}
	}()
	eventually(t, "messages are being delivered", func() bool { return heard.Load() > 10 })
	if err := l.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	over.Store(true)
	if err := <-ended; !errors.Is(err, channels.ErrLayerClosed) {
		t.Errorf("group send: got %v, want ErrLayerClosed", err)
	}
	time.Sleep(moment / 10)
}

func flush(t *testing.T, l channels.Layer) {
	t.Helper()
	if err := l.(channels.Flusher).Flush(t.Context()); err != nil {
		t.Fatalf("flush: %v", err)
	}
}

func testFlush(t *testing.T, b Backend) {
	l := b.open(t, Options{Capacity: 3})
	send(t, l, "open", 1, 2, 3)
	join(t, l, "room", "member")
	groupSend(t, l, "room", 4)
	flush(t, l)
	groupSend(t, l, "room", 5)
	silent(t, l, "open", "member")
	join(t, l, "room", "member")
	groupSend(t, l, "room", 6)
	send(t, l, "open", 7, 8, 9)
	expect(t, l, "member", 6)
	expectAll(t, l, "open", 7, 8, 9)
}

func testFlushHeals(t *testing.T, b Backend) {
	l := b.open(t, Options{})
	channel := newChannel(t, l)
	join(t, l, "room", channel)
	heard := inUse(t, l, channel)
	flush(t, l)
	eventually(t, "a group reaches a channel that was in use when all was flushed", func() bool {
		groupSend(t, l, "room", 1)
		time.Sleep(moment)
		return heard.Load() > 0
	})
}

// inUse receives from a channel from now on, and counts.
func inUse(t *testing.T, l channels.Layer, channel string) *atomic.Int32 {
	t.Helper()
	var heard atomic.Int32
	if _, ok := l.(channels.Subscriber); ok {
		t.Cleanup(subscribe(t, l, channel, func(channels.Message) { heard.Add(1) }))
		return &heard
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			if _, err := l.Receive(t.Context(), channel); err != nil {
				return
			}
			heard.Add(1)
		}
	}()
	t.Cleanup(func() { <-ended }) // t.Context ends before
	return &heard
}
