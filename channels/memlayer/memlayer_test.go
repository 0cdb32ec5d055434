package memlayer_test

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/channels/channelstest/layertest"
	"github.com/teahouse-chat/teahouse/channels/memlayer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newLayer(_ *testing.T, o layertest.Options) channels.Layer {
	return memlayer.New(&memlayer.Options{
		Capacity: o.Capacity, ChannelCapacity: o.ChannelCapacity, Expiry: o.Expiry, GroupExpiry: o.GroupExpiry, Losses: o.Losses,
	})
}

func TestLayerKeepsTheContract(t *testing.T) {
	layertest.Run(t, layertest.Backend{New: newLayer, Synctest: true})
}

func TestLayerKeepsTheContractInRealTime(t *testing.T) {
	t.Parallel()
	layertest.Run(t, layertest.Backend{New: newLayer})
}

// inBubble runs a test with a layer and fake time.
func inBubble(t *testing.T, o memlayer.Options, test func(t *testing.T, l *memlayer.Layer)) {
	synctest.Test(t, func(t *testing.T) {
		o.Losses = &channels.Losses{Logger: slog.New(slog.DiscardHandler)}
		l := memlayer.New(&o)
		defer l.Close()
		test(t, l)
	})
}

func message(n int) channels.Message { return channels.Message{"type": "test.message", "n": n} }

func send(t *testing.T, l *memlayer.Layer, channel string, numbers ...int) {
	t.Helper()
	for _, n := range numbers {
		if err := l.Send(t.Context(), channel, message(n)); err != nil {
			t.Fatal(err)
		}
	}
}

func groupSend(t *testing.T, l *memlayer.Layer, group string, n int) {
	t.Helper()
	if err := l.GroupSend(t.Context(), group, message(n)); err != nil {
		t.Fatal(err)
	}
}

func join(t *testing.T, l *memlayer.Layer, group, channel string) {
	t.Helper()
	if err := l.GroupAdd(t.Context(), group, channel); err != nil {
		t.Fatal(err)
	}
}

func newChannel(t *testing.T, l *memlayer.Layer) string {
	t.Helper()
	name, err := l.NewChannel(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// receive is the number of a channel's next message, 0 when there is none now.
func receive(t *testing.T, l *memlayer.Layer, channel string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	m, err := l.Receive(ctx, channel)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	n, _ := m.Int("n")
	return int(n)
}

func TestReceivesThatWaitAreServedInTheOrderTheyCame(t *testing.T) {
	inBubble(t, memlayer.Options{}, func(t *testing.T, l *memlayer.Layer) {
		var got [5]chan int
		for i := range got {
			got[i] = make(chan int, 1)
			go func() {
				m, _ := l.Receive(t.Context(), "worker")
				n, _ := m.Int("n")
				got[i] <- int(n)
			}()
			synctest.Wait()
		}
		send(t, l, "worker", 0, 1, 2, 3, 4)
		for i := range got {
			if n := <-got[i]; n != i {
				t.Errorf("receiver %d got message %d", i, n)
			}
		}
	})
}

func TestAChannelHasOneSubscriberAndNoReceiverBesideIt(t *testing.T) {
	inBubble(t, memlayer.Options{}, func(t *testing.T, l *memlayer.Layer) {
		channel := newChannel(t, l)
		heard := 0
		first, err := l.Subscribe(channel, func(channels.Message) { t.Error("the first subscriber was called") })
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Subscribe(channel, func(channels.Message) {}); err == nil {
			t.Error("a second subscription: got no error")
		}
		if _, err := l.Receive(t.Context(), channel); err == nil {
			t.Error("receive from a channel that is subscribed to: got no error")
		}
		first()
		second, err := l.Subscribe(channel, func(channels.Message) { heard++ })
		if err != nil {
			t.Fatal(err)
		}
		first()
		send(t, l, channel, 1)
		second()
		if heard != 1 {
			t.Errorf("the second subscriber heard %d messages, want 1", heard)
		}
		go l.Receive(t.Context(), channel)
		synctest.Wait()
		if _, err := l.Subscribe(channel, func(channels.Message) {}); err == nil {
			t.Error("a subscription while a Receive waits: got no error")
		}
	})
}

func TestASubscriberMayWaitForOthersWhoUseTheLayer(t *testing.T) {
	inBubble(t, memlayer.Options{}, func(t *testing.T, l *memlayer.Layer) {
		channel, other := newChannel(t, l), newChannel(t, l)
		join(t, l, "room", channel)
		used := 0
		deliver := func(channels.Message) {
			done := make(chan struct{})
			go func() {
				defer close(done)
				join(t, l, "hall", channel)
				join(t, l, "hall", other)
				if err := l.GroupDiscard(t.Context(), "hall", channel); err != nil {
					t.Error(err)
				}
				groupSend(t, l, "hall", 2)
				used += receive(t, l, other)
			}()
			<-done
		}
		send(t, l, channel, 1)
		unsubscribe, err := l.Subscribe(channel, deliver)
		if err != nil {
			t.Fatal(err)
		}
		defer unsubscribe()
		send(t, l, channel, 2)
		groupSend(t, l, "room", 3)
		if used != 6 {
			t.Errorf("a subscriber's others received %d, want 6", used)
		}
	})
}

func TestUnsubscribeAndCloseWaitForACallUnderWay(t *testing.T) {
	for what, end := range map[string]func(l *memlayer.Layer, unsubscribe func()){
		"unsubscribe": func(_ *memlayer.Layer, unsubscribe func()) { unsubscribe() },
		"close":       func(l *memlayer.Layer, _ func()) { _ = l.Close() },
	} {
		inBubble(t, memlayer.Options{}, func(t *testing.T, l *memlayer.Layer) {
			channel := newChannel(t, l)
			calling, proceed, over := make(chan struct{}), make(chan struct{}), false
			unsubscribe, err := l.Subscribe(channel, func(channels.Message) {
				close(calling)
				<-proceed
				over = true
			})
			if err != nil {
				t.Fatal(err)
			}
			go l.Send(t.Context(), channel, message(1))
			<-calling
			go func() {
				for range 1000 {
					runtime.Gosched()
				}
				close(proceed)
			}()
			end(l, unsubscribe)
			if !over {
				t.Errorf("%s returned while deliver was being called", what)
			}
		})
	}
}

func TestAMessageOnItsWayIsNotDeliveredAfterUnsubscribe(t *testing.T) {
	inBubble(t, memlayer.Options{}, func(t *testing.T, l *memlayer.Layer) {
		names, unsubscribe, heard := [2]string{newChannel(t, l), newChannel(t, l)}, [2]func(){}, 0
		for i, name := range names {
			var err error
			unsubscribe[i], err = l.Subscribe(name, func(channels.Message) {
				heard++
				done := make(chan struct{})
				go func() {
					unsubscribe[1-i]() // the other member's, which has the message still to come
					close(done)
				}()
				<-done
			})
			if err != nil {
				t.Fatal(err)
			}
			join(t, l, "room", name)
		}
		groupSend(t, l, "room", 1)
		if heard != 1 {
			t.Errorf("%d subscribers heard, want only the one that unsubscribed the other", heard)
		}
	})
}

func TestWhatIsSentWhileWhatWaitedIsDeliveredComesAfterIt(t *testing.T) {
	inBubble(t, memlayer.Options{}, func(t *testing.T, l *memlayer.Layer) {
		channel := newChannel(t, l)
		send(t, l, channel, 1, 2)
		var heard []int64
		var sending sync.WaitGroup
		unsubscribe, err := l.Subscribe(channel, func(m channels.Message) {
			n, _ := m.Int("n")
			if n == 1 {
				sending.Go(func() { send(t, l, channel, 3) })
				for range 1000 {
					runtime.Gosched()
				}
			}
			heard = append(heard, n)
		})
		if err != nil {
			t.Fatal(err)
		}
		sending.Wait()
		unsubscribe()
		if !slices.Equal(heard, []int64{1, 2, 3}) {
			t.Errorf("a subscriber heard %v, want 1, 2, 3", heard)
		}
	})
}

// A lateContext is one that ends just after a message was given to the Receive that has it.
type lateContext struct {
	context.Context
	give func()
}

func (c lateContext) Done() <-chan struct{} {
	c.give()
	done := make(chan struct{})
	close(done)
	return done
}

func TestAMessageThatComesAsTheContextEndsIsReceived(t *testing.T) {
	inBubble(t, memlayer.Options{}, func(t *testing.T, l *memlayer.Layer) {
		for range 100 { // each way has its chance
			m, err := l.Receive(lateContext{t.Context(), func() { send(t, l, "worker", 1, 2) }}, "worker")
			if n, _ := m.Int("n"); err != nil || n != 1 {
				t.Fatalf("receive: got %v, %v, want message 1", m, err)
			}
			if n := receive(t, l, "worker"); n != 2 {
				t.Fatalf("receive after it: got %d, want 2", n)
			}
		}
	})
}

func TestFlushKeepsTheMembershipsOfWhatIsInUse(t *testing.T) {
	inBubble(t, memlayer.Options{}, func(t *testing.T, l *memlayer.Layer) {
		subscribed, received, idle := newChannel(t, l), newChannel(t, l), newChannel(t, l)
		heard := 0
		unsubscribe, err := l.Subscribe(subscribed, func(channels.Message) { heard++ })
		if err != nil {
			t.Fatal(err)
		}
		defer unsubscribe()
		got := make(chan error)
		go func() {
			_, err := l.Receive(t.Context(), received)
			got <- err
		}()
		synctest.Wait()
		for _, channel := range []string{subscribed, received, idle} {
			join(t, l, "room", channel)
		}
		send(t, l, idle, 1)
		send(t, l, "worker", 1)
		if err := l.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := l.Remembered(); n != 5 {
			t.Errorf("the layer remembers %d things, want two queues, the group and two memberships", n)
		}
		groupSend(t, l, "room", 2)
		if err := <-got; err != nil || heard != 1 {
			t.Errorf("after a flush the group reached a subscriber %d times, a receiver with the error %v", heard, err)
		}
		if n := receive(t, l, idle); n != 0 {
			t.Errorf("a channel that wasn't in use got %d", n)
		}
		if all := l.Losses().All(); len(all) != 0 {
			t.Errorf("losses: got %v, want none: what is flushed isn't lost", all)
		}
	})
}

func TestBadOptionsPanic(t *testing.T) {
	for want, o := range map[string]memlayer.Options{
		"capacity -1":     {Capacity: -1},
		"capacity 0":      {ChannelCapacity: []channels.CapacityRule{{Pattern: "a*"}}},
		"[b-a]":           {ChannelCapacity: []channels.CapacityRule{{Pattern: "[b-a]", Capacity: 1}}},
		"expiry -1ns":     {Expiry: -1},
		"group expiry -1": {GroupExpiry: -1},
	} {
		func() {
			defer func() {
				if said, _ := recover().(string); !strings.Contains(said, want) {
					t.Errorf("options %+v: got the panic %q, want one that says %q", o, said, want)
				}
			}()
			memlayer.New(&o)
		}()
	}
}

func TestCloseForgetsEverythingAndCountsNothing(t *testing.T) {
	inBubble(t, memlayer.Options{}, func(t *testing.T, l *memlayer.Layer) {
		send(t, l, "worker", 1)
		join(t, l, "room", "worker")
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if n := l.Remembered(); n != 0 {
			t.Errorf("the layer remembers %d things", n)
		}
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if all := l.Losses().All(); len(all) != 0 {
			t.Errorf("losses: got %v, want none", all)
		}
		if err := l.Close(); !errors.Is(err, channels.ErrLayerClosed) {
			t.Errorf("close again: got %v, want ErrLayerClosed", err)
		}
	})
}

func TestALayerWithoutOptionsWorks(t *testing.T) {
	l := memlayer.New(nil)
	send(t, l, "worker", 1)
	if m, err := l.Receive(t.Context(), "worker"); err != nil || m.Type() != "test.message" {
		t.Errorf("got %v, %v", m, err)
	}
	if all := l.Losses().All(); len(all) != 0 {
		t.Errorf("losses: got %v", all)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}
