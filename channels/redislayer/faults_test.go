package redislayer_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/channels/redislayer"
	"github.com/teahouse-chat/teahouse/internal/redistest"
)

// healWithin is how long after a fault has ended groups may stay broken.
const healWithin = 3 * time.Second

// traffic is one node that sends numbered messages to a group, one after the other, and another node that is in it.
type traffic struct {
	t                *testing.T
	sender, receiver channels.Layer
	stop             chan struct{}
	senders          sync.WaitGroup

	mu       sync.Mutex
	sent     []int             // those that were sent without an error
	began    map[int]time.Time // when sending began
	received []int
	at       map[int]time.Time
}

// startTraffic begins, and returns when messages arrive.
func startTraffic(t *testing.T, sender, receiver channels.Layer) *traffic {
	t.Helper()
	tr := &traffic{t: t, sender: sender, receiver: receiver, stop: make(chan struct{}), began: map[int]time.Time{}, at: map[int]time.Time{}}
	channel, err := receiver.NewChannel(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := receiver.(channels.Subscriber).Subscribe(channel, tr.hear); err != nil {
		t.Fatal(err)
	}
	if err := receiver.GroupAdd(t.Context(), "room", channel); err != nil {
		t.Fatal(err)
	}
	tr.senders.Go(tr.send)
	tr.arrives(time.Now())
	return tr
}

func (tr *traffic) hear(m channels.Message) {
	n, _ := m.Int("n")
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.received = append(tr.received, int(n))
	tr.at[int(n)] = time.Now()
}

func (tr *traffic) send() {
	for n := 1; ; n++ {
		select {
		case <-tr.stop:
			return
		case <-time.After(2 * time.Millisecond):
		}
		tr.mu.Lock()
		tr.began[n] = time.Now()
		tr.mu.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		err := tr.sender.GroupSend(ctx, "room", channels.Message{"type": "test", "n": n})
		cancel()
		if err == nil {
			tr.mu.Lock()
			tr.sent = append(tr.sent, n)
			tr.mu.Unlock()
		}
	}
}

// arrives waits until a message arrives that was sent after a time, and returns how long after it that was.
func (tr *traffic) arrives(after time.Time) time.Duration {
	tr.t.Helper()
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if took, ok := tr.first(after); ok {
			return took
		}
	}
	tr.t.Fatal("no message arrives any more")
	return 0
}

// first is how long after a time the first message came that was sent after it.
func (tr *traffic) first(after time.Time) (took time.Duration, ok bool) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for _, n := range tr.received {
		if tr.began[n].After(after) {
			return tr.at[n].Sub(after), true
		}
	}
	return 0, false
}

// end stops the traffic and sees that nothing came twice or out of its order, and that nothing was lost in silence.
func (tr *traffic) end() {
	tr.t.Helper()
	close(tr.stop)
	tr.senders.Wait()
	time.Sleep(200 * time.Millisecond)
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for i := 1; i < len(tr.received); i++ {
		if tr.received[i] <= tr.received[i-1] {
			tr.t.Errorf("message %d came after message %d", tr.received[i], tr.received[i-1])
		}
	}
	missing := 0
	for _, n := range tr.sent {
		if _, ok := tr.at[n]; !ok {
			missing++
		}
	}
	counted := int64(0)
	for _, l := range append(lossesOf(tr.sender).All(), lossesOf(tr.receiver).All()...) {
		counted += l.Count
	}
	tr.t.Logf("%d sent without an error, %d received, %d of those sent missing, losses counted: %d", len(tr.sent), len(tr.received), missing, counted)
	if missing > 0 && counted == 0 {
		tr.t.Errorf("%d messages were lost, and nobody was told", missing)
	}
}

func TestGroupsHealAndNothingComesTwice(t *testing.T) {
	t.Parallel()
	faults := map[string]func(*testing.T, *redistest.Server){
		"restarted": func(t *testing.T, s *redistest.Server) {
			s.Stop()
			time.Sleep(500 * time.Millisecond)
			s.Restart(t)
		},
		"restarted after a while": func(t *testing.T, s *redistest.Server) {
			s.Stop()
			time.Sleep(4 * time.Second)
			s.Restart(t)
		},
		"flushed":             func(t *testing.T, s *redistest.Server) { s.Do(t, "FLUSHDB") },
		"all connections cut": func(t *testing.T, s *redistest.Server) { s.Do(t, "CLIENT", "KILL", "SKIPME", "yes") },
		"all keys deleted": func(t *testing.T, s *redistest.Server) {
			for _, key := range s.Do(t, "KEYS", "*").([]any) {
				s.Do(t, "DEL", key)
			}
		},
		"paused for 10 s": func(t *testing.T, s *redistest.Server) {
			s.Pause(t)
			time.Sleep(10 * time.Second)
			s.Resume(t)
		},
		"paused for 20 s": func(t *testing.T, s *redistest.Server) { // longer than a connection survives
			s.Pause(t)
			time.Sleep(20 * time.Second)
			s.Resume(t)
		},
	}
	rounds := map[string]int{"restarted": 2, "flushed": 2, "all connections cut": 5, "all keys deleted": 2, "restarted after a while": 1, "paused for 10 s": 1, "paused for 20 s": 1}
	for kind, open := range kinds {
		for name, fault := range faults {
			t.Run(kind+" "+name, func(t *testing.T) {
				t.Parallel()
				server := redistest.Start(t)
				o := &redislayer.Options{Hosts: hosts(server), Capacity: 100_000, Logger: quiet}
				tr := startTraffic(t, open(t, o), open(t, o))
				for range rounds[name] {
					time.Sleep(300 * time.Millisecond)
					fault(t, server)
					over := time.Now()
					took := tr.arrives(over)
					t.Logf("whole again after %v", took)
					if took > healWithin {
						t.Errorf("it took %v until groups were whole again, want %v at most", took, healWithin)
					}
				}
				time.Sleep(300 * time.Millisecond)
				tr.end()
			})
		}
	}
}

func TestAMembershipThatIsDeletedAloneIsBackAfterTheRejoinInterval(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	o := &redislayer.Options{Hosts: hosts(server), RejoinInterval: time.Second, Logger: quiet}
	tr := startTraffic(t, newCore(t, o), newCore(t, o))
	server.Do(t, "DEL", "asgi:group:room")
	if took := tr.arrives(time.Now()); took > healWithin {
		t.Errorf("it took %v", took)
	}
	tr.end()
	if n := lossesOf(tr.receiver).Total(channels.LossForgotten); n != 1 {
		t.Errorf("%d losses were counted as forgotten, want 1", n)
	}
}

func TestWhoSendsWhileRedisIsAwayIsTold(t *testing.T) {
	t.Parallel()
	for kind, open := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			l := open(t, &redislayer.Options{Hosts: hosts(server), Logger: quiet})
			channel, err := l.NewChannel(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			server.Stop()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			m := channels.Message{"type": "test"}
			if err := l.GroupSend(ctx, "room", m); err == nil {
				t.Error("a group send had no error")
			}
			if err := l.Send(ctx, channel, m); err == nil {
				t.Error("a send had no error")
			}
			short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if err := l.GroupAdd(short, "room", channel); err == nil {
				t.Error("a group add had no error")
			}
			began := time.Now()
			if err := l.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
			if took := time.Since(began); took > 7*time.Second {
				t.Errorf("close took %v while Redis was away", took)
			}
		})
	}
}

func TestCloseDoesNotWaitForARedisThatIsPaused(t *testing.T) {
	t.Parallel()
	for kind, open := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			l := open(t, &redislayer.Options{Hosts: hosts(server), Logger: quiet})
			channel := newChannel(t, l)
			groupAdd(t, l, "room", channel)
			var calls sync.WaitGroup
			calls.Go(func() { l.Receive(context.Background(), channel) })
			calls.Go(func() { l.Receive(context.Background(), "open") })
			time.Sleep(100 * time.Millisecond)
			server.Pause(t)
			calls.Go(func() { l.GroupSend(context.Background(), "room", channels.Message{}) })
			calls.Go(func() { l.GroupAdd(context.Background(), "other", channel) })
			time.Sleep(100 * time.Millisecond)
			began := time.Now()
			if err := l.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
			calls.Wait()
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("close took %v", took)
			}
		})
	}
}
