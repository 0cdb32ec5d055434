package layertest

import (
	"context"
	"strconv"
	"sync"
	"testing"

	"github.com/teahouse-chat/teahouse/channels"
)

func crowds(subscriber bool) []test {
	return []test{
		{"ManySendersAndReceiversPassEverythingOnce", true, testCrowd},
		{"ManySendersReachEveryMemberInTheirOrder", true, testGroupCrowd},
		{"ManySendersReachEverySubscriberInTheirOrder", subscriber, testSubscribedCrowd},
		{"ChannelsMayComeAndGoWhileAGroupIsSentTo", true, testChurn},
	}
}

// numbered is message n of a sender.
func numbered(sender, n int) channels.Message {
	return channels.Message{"type": "test.message", "sender": sender, "n": n}
}

// A tally checks that each sender's messages come in order, and counts them. Its methods may be called by one goroutine at a time.
type tally struct {
	last  map[int64]int64 // a sender's latest number
	total int
}

func (y *tally) add(t *testing.T, m channels.Message) {
	if y.last == nil {
		y.last = map[int64]int64{}
	}
	sender, _ := m.Int("sender")
	n, _ := m.Int("n")
	if n <= y.last[sender] {
		t.Errorf("sender %d: number %d came after %d", sender, n, y.last[sender])
	}
	y.last[sender] = n
	y.total++
}

// sendMany has many senders send each numbers to something by do.
func sendMany(t *testing.T, senders, each int, do func(ctx context.Context, m channels.Message) error) {
	t.Helper()
	var all sync.WaitGroup
	for s := range senders {
		all.Go(func() {
			for n := range each {
				if err := do(t.Context(), numbered(s, n+1)); err != nil {
					t.Errorf("sender %d, number %d: %v", s, n+1, err)
				}
			}
		})
	}
	all.Wait()
}

func testCrowd(t *testing.T, b Backend) {
	const senders, each, receivers = 8, 100, 3
	l := b.open(t, Options{Capacity: 10000})
	channel := newChannel(t, l)
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	seen := map[[2]int64]int{}
	total := func() int {
		mu.Lock()
		defer mu.Unlock()
		n := 0
		for _, times := range seen {
			n += times
		}
		return n
	}
	var all sync.WaitGroup
	for range receivers {
		all.Go(func() {
			var y tally // a receiver sees a part of each sender's, in order
			for {
				m, err := l.Receive(ctx, channel)
				if err != nil {
					return
				}
				y.add(t, m)
				sender, _ := m.Int("sender")
				n, _ := m.Int("n")
				mu.Lock()
				seen[[2]int64{sender, n}]++
				mu.Unlock()
			}
		})
	}
	sendMany(t, senders, each, func(ctx context.Context, m channels.Message) error { return l.Send(ctx, channel, m) })
	eventually(t, "everything was received", func() bool { return total() >= senders*each })
	cancel()
	all.Wait()
	if len(seen) != senders*each || total() != senders*each {
		t.Errorf("got %d messages, %d different ones, want %d once each", total(), len(seen), senders*each)
	}
}

func testGroupCrowd(t *testing.T, b Backend) {
	const senders, each, members = 4, 50, 5
	l := b.open(t, Options{Capacity: 10000})
	var names []string
	for range members {
		names = append(names, newChannel(t, l))
	}
	join(t, l, "room", names...)
	sendMany(t, senders, each, func(ctx context.Context, m channels.Message) error { return l.GroupSend(ctx, "room", m) })
	for _, name := range names {
		var y tally
		for range senders * each {
			y.add(t, receive(t, l, name))
		}
	}
	silent(t, l, names...)
}

func testSubscribedCrowd(t *testing.T, b Backend) {
	const senders, each, members = 4, 100, 5
	l := b.open(t, Options{Capacity: 10000})
	var ears [members]ear
	for i := range ears {
		channel := newChannel(t, l)
		defer subscribe(t, l, channel, ears[i].deliver)()
		join(t, l, "room", channel)
	}
	sendMany(t, senders, each, func(ctx context.Context, m channels.Message) error { return l.GroupSend(ctx, "room", m) })
	for i := range ears {
		eventually(t, "a subscriber heard everything", func() bool { return ears[i].len() >= senders*each })
		var y tally
		ears[i].mu.Lock()
		for _, m := range ears[i].heard {
			y.add(t, m)
		}
		ears[i].mu.Unlock()
		if y.total != senders*each {
			t.Errorf("subscriber %d heard %d messages, want %d", i, y.total, senders*each)
		}
	}
}

func testChurn(t *testing.T, b Backend) {
	const rounds = 30
	l := b.open(t, Options{Capacity: 10000})
	stays := newChannel(t, l)
	join(t, l, "room", stays)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range rounds {
				channel, err := l.NewChannel(t.Context(), "churn-"+strconv.Itoa(i))
				if err != nil {
					t.Errorf("new channel: %v", err)
					return
				}
				if err := l.GroupAdd(t.Context(), "room", channel); err != nil {
					t.Errorf("group add: %v", err)
				}
				if err := l.Send(t.Context(), channel, message(1)); err != nil {
					t.Errorf("send: %v", err)
				}
				if _, err := l.Receive(t.Context(), channel); err != nil {
					t.Errorf("receive: %v", err)
				}
				if err := l.GroupDiscard(t.Context(), "room", channel); err != nil {
					t.Errorf("group discard: %v", err)
				}
			}
		})
	}
	sendMany(t, 2, 100, func(ctx context.Context, m channels.Message) error { return l.GroupSend(ctx, "room", m) })
	all.Wait()
	var y tally
	for range 200 {
		y.add(t, receive(t, l, stays))
	}
	silent(t, l, stays)
}
