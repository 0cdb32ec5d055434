package layertest

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/teahouse-chat/teahouse/channels"
)

func queues(b Backend) []test {
	return []test{
		{"MessagesArriveFirstInFirstOut", true, testOrder},
		{"AReceiveThatWaitsGetsWhatIsSent", true, testWaiting},
		{"EachMessageGoesToOneReceiver", true, testReceivers},
		{"AReceiveWhoseContextEndsLosesNothing", true, testEndedReceive},
		{"AContextThatHasEndedSendsAndTakesNothing", true, testEndedContext},
		{"SendToAFullChannelIsErrChannelFull", !b.LateFull || !b.NoOpenChannels && !b.Sharded, testFull},
		{"AFullChannelLosesTheNewestAndCounts", true, testFullLocal},
		{"TheFirstCapacityRuleThatMatchesCounts", true, testCapacityRules},
	}
}

// kinds are a process's own channel, and one that is open to all when there are such.
func (b Backend) kinds(t *testing.T, l channels.Layer) []string {
	t.Helper()
	kinds := []string{newChannel(t, l)}
	if !b.NoOpenChannels {
		kinds = append(kinds, "open")
	}
	return kinds
}

func testOrder(t *testing.T, b Backend) {
	l := b.open(t, Options{})
	names := b.kinds(t, l)
	if b.Sharded {
		names = names[:1]
	}
	for _, n := range count(90) {
		for _, name := range names {
			send(t, l, name, n)
		}
	}
	for _, name := range names {
		expect(t, l, name, count(90)...)
		silent(t, l, name)
	}
}

func testWaiting(t *testing.T, b Backend) {
	l := b.open(t, Options{})
	for _, name := range b.kinds(t, l) {
		got := make(chan channels.Message)
		go func() {
			m, _ := l.Receive(t.Context(), name)
			got <- m
		}()
		select {
		case m := <-got:
			t.Fatalf("receive from %s: got %v before anything was sent", name, m)
		case <-time.After(moment):
		}
		send(t, l, name, 7)
		select {
		case m := <-got:
			if n, _ := m.Int("n"); n != 7 {
				t.Errorf("receive from %s: got %v, want number 7", name, m)
			}
		case <-time.After(patience):
			t.Fatalf("receive from %s: got nothing", name)
		}
	}
}

func testReceivers(t *testing.T, b Backend) {
	l := b.open(t, Options{Capacity: 1000})
	for _, name := range b.kinds(t, l) {
		ctx, cancel := context.WithCancel(t.Context())
		got, ended := make(chan int, 1000), make(chan error)
		for range 4 {
			go func() {
				for {
					m, err := l.Receive(ctx, name)
					if err != nil {
						ended <- err
						return
					}
					n, _ := m.Int("n")
					got <- int(n)
				}
			}()
		}
		send(t, l, name, count(200)...)
		eventually(t, "all messages were received", func() bool { return len(got) >= 200 })
		time.Sleep(moment)
		cancel()
		for range 4 {
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("receive from %s: got %v, want context.Canceled", name, err)
			}
		}
		close(got)
		var all []int
		for n := range got {
			all = append(all, n)
		}
		if slices.Sort(all); !slices.Equal(all, count(200)) {
			t.Errorf("four receivers of %s got %v, want 1 to 200", name, all)
		}
	}
}

func testEndedReceive(t *testing.T, b Backend) {
	l := b.open(t, Options{})
	for _, name := range b.kinds(t, l) {
		for _, n := range count(100) {
			ctx, cancel := context.WithCancel(t.Context())
			got := make(chan bool)
			go func() {
				m, err := l.Receive(ctx, name)
				if have, _ := m.Int("n"); err == nil && have != int64(n) {
					t.Errorf("receive from %s: got %v, want number %d", name, m, n)
				}
				got <- err == nil
			}()
			if n%3 == 0 { // let it wait, and end its context when the message may be on its way
				time.Sleep(moment / 100)
			}
			go cancel()
			send(t, l, name, n)
			if !<-got {
				expect(t, l, name, n)
			}
			cancel()
		}
		silent(t, l, name)
	}
}

func testEndedContext(t *testing.T, b Backend) {
	l := b.open(t, Options{})
	channel := newChannel(t, l)
	join(t, l, "room", channel)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Send(ctx, channel, message(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("send: got %v, want context.Canceled", err)
	}
	if err := l.GroupSend(ctx, "room", message(2)); !errors.Is(err, context.Canceled) {
		t.Errorf("group send: got %v, want context.Canceled", err)
	}
	if _, err := l.Receive(ctx, channel); !errors.Is(err, context.Canceled) {
		t.Errorf("receive: got %v, want context.Canceled", err)
	}
	send(t, l, channel, 3, 4)
	expect(t, l, channel, 3)
	if _, err := l.Receive(ctx, channel); err == nil {
		return // it may have taken what waited, for its caller gets it
	}
	expect(t, l, channel, 4)
}

func testFull(t *testing.T, b Backend) {
	l := b.open(t, Options{Capacity: 5})
	var names []string
	if !b.LateFull {
		names = append(names, newChannel(t, l))
	}
	if !b.NoOpenChannels && !b.Sharded {
		names = append(names, "open")
	}
	for _, name := range names {
		send(t, l, name, 1, 2, 3, 4, 5)
		for range 3 {
			if err := l.Send(t.Context(), name, message(6)); !errors.Is(err, channels.ErrChannelFull) {
				t.Fatalf("send to %s, which holds 5 of 5: got %v, want ErrChannelFull", name, err)
			}
		}
		expect(t, l, name, 1, 2)
		send(t, l, name, 7, 8)
		if err := l.Send(t.Context(), name, message(9)); !errors.Is(err, channels.ErrChannelFull) {
			t.Errorf("send to %s, which holds 5 of 5 again: got %v, want ErrChannelFull", name, err)
		}
		expect(t, l, name, 3, 4, 5, 7, 8)
		silent(t, l, name)
	}
}

// sendTooMany sends n messages to a channel, and returns the numbers of those that weren't refused.
func sendTooMany(t *testing.T, l channels.Layer, channel string, n int) []int {
	t.Helper()
	var accepted []int
	for _, i := range count(n) {
		switch err := l.Send(t.Context(), channel, message(i)); {
		case err == nil:
			accepted = append(accepted, i)
		case !errors.Is(err, channels.ErrChannelFull):
			t.Fatalf("send to %s: got %v, want ErrChannelFull", channel, err)
		}
	}
	return accepted
}

// holds sees that a channel kept the first of what was accepted, as many as its capacity, and that the loss of the others is counted.
func holds(t *testing.T, l channels.Layer, channel string, capacity int, accepted []int, losses *channels.Losses, before int64) {
	t.Helper()
	if len(accepted) < capacity {
		t.Fatalf("%s, of capacity %d, accepted %d", channel, capacity, len(accepted))
	}
	eventually(t, "what was accepted and didn't fit is counted as lost", func() bool {
		return losses.Total(channels.LossFull)-before == int64(len(accepted)-capacity)
	})
	expect(t, l, channel, accepted[:capacity]...)
	silent(t, l, channel)
}

func testFullLocal(t *testing.T, b Backend) {
	losses := newLosses()
	l := b.open(t, Options{Capacity: 5, Losses: losses})
	channel := newChannel(t, l)
	holds(t, l, channel, 5, sendTooMany(t, l, channel, 30), losses, 0)
	send(t, l, channel, 31)
	expect(t, l, channel, 31)
}

func testCapacityRules(t *testing.T, b Backend) {
	losses := newLosses()
	l := b.open(t, Options{Capacity: 4, Losses: losses, ChannelCapacity: []channels.CapacityRule{
		{Pattern: "*small.*", Capacity: 2},
		{Pattern: "*sma*", Capacity: 9},
		{Regexp: regexp.MustCompile(`\w*large`), Capacity: 7},
	}})
	for prefix, capacity := range map[string]int{"small": 2, "smaller": 9, "large": 7, "x-large": 4, "": 4} {
		channel, err := l.NewChannel(t.Context(), prefix)
		if err != nil {
			t.Fatal(err)
		}
		before := losses.Total(channels.LossFull)
		holds(t, l, channel, capacity, sendTooMany(t, l, channel, 20), losses, before)
	}
}
