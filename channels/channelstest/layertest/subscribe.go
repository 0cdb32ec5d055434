package layertest

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/teahouse-chat/teahouse/channels"
)

func subscriptions(has bool) []test {
	return []test{
		{"ASubscriberIsCalledForEachMessageInOrder", has, testSubscribe},
		{"ASubscriberGetsFirstWhatWaited", has, testSubscribeWaiting},
		{"ASubscriberIsNeverCalledTwiceAtATime", has, testSubscribeOneAtATime},
		{"ASubscriberIsNotCalledAfterUnsubscribe", has, testUnsubscribe},
		{"UnsubscribeForgetsTheChannel", has, testUnsubscribeForgets},
		{"SubscribersShareNothing", has, testSubscribersShareNothing},
		{"OnlyTheProcessesOwnChannelsCanBeSubscribedTo", has, testSubscribeForeign},
	}
}

// An ear is a subscriber that keeps what it hears.
type ear struct {
	mu    sync.Mutex
	heard []channels.Message
}

func (e *ear) deliver(m channels.Message) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = append(e.heard, m)
}

func (e *ear) len() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.heard)
}

// expect waits until the ear has heard these numbers in their order, and sees that it hears no more.
func (e *ear) expect(t *testing.T, numbers ...int) {
	t.Helper()
	eventually(t, "a subscriber heard what was sent", func() bool { return e.len() >= len(numbers) })
	time.Sleep(moment)
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.heard) != len(numbers) {
		t.Fatalf("a subscriber heard %d messages, want %d", len(e.heard), len(numbers))
	}
	for i, m := range e.heard {
		if n, _ := m.Int("n"); n != int64(numbers[i]) {
			t.Fatalf("message %d of a subscriber: got %v, want number %d", i+1, m, numbers[i])
		}
	}
}

func subscribe(t *testing.T, l channels.Layer, channel string, deliver func(channels.Message)) (unsubscribe func()) {
	t.Helper()
	unsubscribe, err := l.(channels.Subscriber).Subscribe(channel, deliver)
	if err != nil {
		t.Fatalf("subscribe to %s: %v", channel, err)
	}
	return unsubscribe
}

func testSubscribe(t *testing.T, b Backend) {
	l := b.open(t, Options{Capacity: 1000})
	channel, other := newChannel(t, l), newChannel(t, l)
	var e, o ear
	defer subscribe(t, l, channel, e.deliver)()
	defer subscribe(t, l, other, o.deliver)()
	join(t, l, "room", channel)
	for n := range 200 {
		if n%2 == 0 && !b.Sharded {
			send(t, l, channel, n+1)
		} else {
			groupSend(t, l, "room", n+1)
		}
	}
	e.expect(t, count(200)...)
	o.expect(t)
}

func testSubscribeWaiting(t *testing.T, b Backend) {
	l := b.open(t, Options{Capacity: 1000})
	channel := newChannel(t, l)
	send(t, l, channel, count(50)...)
	var e ear
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for n := 51; n <= 100; n++ {
			if err := l.Send(t.Context(), channel, message(n)); err != nil {
				t.Errorf("send %d: %v", n, err)
			}
		}
	}()
	defer subscribe(t, l, channel, e.deliver)()
	<-sent
	e.expect(t, count(100)...)
}

func testSubscribeOneAtATime(t *testing.T, b Backend) {
	l := b.open(t, Options{Capacity: 1000})
	channel := newChannel(t, l)
	join(t, l, "room", channel)
	var in, heard atomic.Int32
	defer subscribe(t, l, channel, func(channels.Message) {
		if in.Add(1) != 1 {
			t.Error("a subscriber was called while it was being called")
		}
		for range 10 {
			runtime.Gosched() // not a sleep, which in a bubble would wait for those who wait for a mutex
		}
		in.Add(-1)
		heard.Add(1)
	})()
	var senders sync.WaitGroup
	for range 8 {
		senders.Go(func() {
			for n := range 10 {
				if err := l.Send(t.Context(), channel, message(n)); err != nil {
					t.Errorf("send: %v", err)
				}
				if err := l.GroupSend(t.Context(), "room", message(n)); err != nil {
					t.Errorf("group send: %v", err)
				}
			}
		})
	}
	senders.Wait()
	eventually(t, "all messages were delivered", func() bool { return heard.Load() == 160 })
}

func testUnsubscribe(t *testing.T, b Backend) {
	l := b.open(t, Options{Capacity: 1000})
	for range 20 {
		channel := newChannel(t, l)
		join(t, l, "room", channel)
		var heard atomic.Int32
		var over atomic.Bool
		unsubscribe := subscribe(t, l, channel, func(channels.Message) {
			heard.Add(1)
			if over.Load() {
				t.Error("a subscriber was called after unsubscribe had returned")
			}
		})
		stop := make(chan struct{})
		var senders sync.WaitGroup
		for range 2 {
			senders.Go(func() {
				for n := 0; ; n++ {
					select {
					case <-stop:
						return
					case <-time.After(moment / 1000):
					}
					if err := l.GroupSend(t.Context(), "room", message(n)); err != nil {
						t.Errorf("group send: %v", err)
					}
				}
			})
		}
		eventually(t, "messages are being delivered", func() bool { return heard.Load() > 10 })
		unsubscribe()
		over.Store(true)
		time.Sleep(moment / 20)
		close(stop)
		senders.Wait()
	}
}

func testUnsubscribeForgets(t *testing.T, b Backend) {
	losses := newLosses()
	l := b.open(t, Options{Capacity: 5, Losses: losses})
	channel := newChannel(t, l)
	join(t, l, "room", channel)
	var e ear
	unsubscribe := subscribe(t, l, channel, e.deliver)
	groupSend(t, l, "room", 1)
	e.expect(t, 1)
	unsubscribe()
	unsubscribe() // again changes nothing
	groupSend(t, l, "room", count(50)...)
	e.expect(t, 1)
	if all := losses.All(); len(all) != 0 {
		t.Errorf("losses of a group whose only member was forgotten: got %v", all)
	}
}

func testSubscribersShareNothing(t *testing.T, b Backend) {
	l := b.open(t, Options{})
	heard := make(chan map[string]any, 10)
	deliver := func(m channels.Message) {
		inner := m["inner"].(map[string]any)
		heard <- map[string]any{"x": inner["x"]}
		inner["x"] = "spoiled"
		inner["list"].([]any)[0] = "spoiled"
	}
	receiver, late, later := newChannel(t, l), newChannel(t, l), newChannel(t, l)
	join(t, l, "room", receiver, late, later)
	for range 2 {
		channel := newChannel(t, l)
		defer subscribe(t, l, channel, deliver)()
		join(t, l, "room", channel)
		join(t, l, "hall", channel)
	}
	inner := map[string]any{"x": 1, "list": []any{"a"}}
	for _, group := range []string{"room", "hall"} { // with receivers and without
		if err := l.GroupSend(t.Context(), group, channels.Message{"inner": inner}); err != nil {
			t.Fatal(err)
		}
	}
	defer subscribe(t, l, late, deliver)()
	defer subscribe(t, l, later, deliver)()
	for range 6 {
		select {
		case got := <-heard:
			if got["x"] != int64(1) {
				t.Errorf("a subscriber got what another one changed: %v", got)
			}
		case <-time.After(patience):
			t.Fatal("a subscriber heard nothing")
		}
	}
	want := map[string]any{"inner": map[string]any{"x": int64(1), "list": []any{"a"}}}
	if got := receive(t, l, receiver); !same(map[string]any(got), want) {
		t.Errorf("a receiver beside subscribers: got %v, want %v", got, want)
	}
	if inner["x"] != 1 {
		t.Errorf("the sender's message was changed: %v", inner)
	}
}

func testSubscribeForeign(t *testing.T, b Backend) {
	l := b.open(t, Options{})
	if unsubscribe, err := l.(channels.Subscriber).Subscribe("open", func(channels.Message) {}); err == nil {
		unsubscribe()
		t.Error("subscribe to a channel that NewChannel didn't make: got no error")
	}
}
