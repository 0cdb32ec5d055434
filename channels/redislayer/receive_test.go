package redislayer_test

import (
	"context"
	"testing"
	"time"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/channels/redislayer"
	"github.com/teahouse-chat/teahouse/internal/redistest"
)

func TestAMemberThatLeavesGetsWhatWasSentBefore(t *testing.T) {
	t.Parallel()
	o := &redislayer.Options{Hosts: hosts(redistest.Start(t)), Logger: quiet}
	for kind, open := range kinds {
		l := open(t, o)
		channel, stays := newChannel(t, l), newChannel(t, l)
		for i := range 50 {
			groupAdd(t, l, "room", channel)
			if i%2 == 0 {
				groupAdd(t, l, "room", stays)
			}
			groupSend(t, l, "room", channels.Message{"n": i})
			if err := l.GroupDiscard(t.Context(), "room", channel); err != nil {
				t.Fatal(err)
			}
			if n, _ := receive(t, l, channel).Int("n"); n != int64(i) {
				t.Errorf("%s: got %d, want %d", kind, n, i)
			}
			if err := l.GroupDiscard(t.Context(), "room", stays); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestOpenChannelsOfSeveralHostsLoseNothing(t *testing.T) {
	t.Parallel()
	o := &redislayer.Options{Hosts: hosts(redistest.Start(t), redistest.Start(t)), Capacity: 1000}
	here, there := newCore(t, o), newCore(t, o)
	const n = 100
	for i := range n {
		if err := here.Send(t.Context(), "open", channels.Message{"n": i}); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[int64]int{}
	for i := range n { // what a process takes and doesn't receive it puts back for the other
		l := []channels.Layer{here, there}[i%2]
		k, _ := receive(t, l, "open").Int("n")
		seen[k]++
	}
	if len(seen) != n {
		t.Errorf("%d of %d messages came, or came twice", len(seen), n)
	}
	for _, l := range []*redislayer.Core{here, there} {
		if all := l.Losses().All(); len(all) > 0 {
			t.Errorf("lost: %v", all)
		}
	}
}

func TestWhatIsOnItsWayWhenAReceiveEndsIsPutBack(t *testing.T) {
	t.Parallel()
	o := &redislayer.Options{Hosts: hosts(redistest.Start(t))}
	here, there := newCore(t, o), newCore(t, o)
	for i := range 50 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*20*time.Microsecond)
		sent := make(chan error, 1)
		go func() { sent <- there.Send(t.Context(), "open", channels.Message{"n": i}) }()
		m, err := here.Receive(ctx, "open")
		cancel()
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
		if err != nil {
			m = receive(t, there, "open")
		}
		if n, _ := m.Int("n"); n != int64(i) {
			t.Fatalf("got %d, want %d", n, i)
		}
	}
}
