package memlayer_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/channels/memlayer"
)

func TestAMessageWaitsForItsExpiryAndIsThenCountedAsLost(t *testing.T) {
	inBubble(t, memlayer.Options{Expiry: time.Minute}, func(t *testing.T, l *memlayer.Layer) {
		join(t, l, "room", "a")
		send(t, l, "a", 1)
		groupSend(t, l, "room", 2)
		send(t, l, "b", 3)
		time.Sleep(time.Second)
		send(t, l, "b", 4)
		time.Sleep(time.Minute - time.Second - time.Nanosecond)
		if n := receive(t, l, "a"); n != 1 {
			t.Errorf("before the expiry: got %d, want 1", n)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if n := receive(t, l, "a"); n != 0 {
			t.Errorf("after the expiry: got %d, want nothing", n)
		}
		if n := receive(t, l, "b"); n != 4 {
			t.Errorf("after the expiry: got %d, want 4", n)
		}
		for _, loss := range l.Losses().All() {
			if loss.Reason != channels.LossExpired || loss.Count != 1 || loss.Group != "" && loss.Group != "room" {
				t.Errorf("loss: got %v", loss)
			}
		}
		if n := l.Losses().Total(channels.LossExpired); n != 2 {
			t.Errorf("%d messages are counted as expired, want 2", n)
		}
		groupSend(t, l, "room", 5)
		if n := receive(t, l, "a"); n != 5 {
			t.Errorf("a member whose message expired got %d, want 5", n)
		}
		time.Sleep(2 * time.Minute)
		send(t, l, "a", 6)
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := receive(t, l, "a"); n != 0 {
			t.Errorf("after the expiry of a message that came when there was none: got %d", n)
		}
	})
}

func TestExpiredMessagesTakeNoRoomWhereNobodyReceives(t *testing.T) {
	inBubble(t, memlayer.Options{Capacity: 2, Expiry: time.Minute}, func(t *testing.T, l *memlayer.Layer) {
		for round := range 5 {
			send(t, l, "a", round)
			time.Sleep(40 * time.Second)
		}
		if err := l.Send(t.Context(), "a", message(5)); err != nil {
			t.Fatal(err)
		}
		if err := l.Send(t.Context(), "a", message(6)); !errors.Is(err, channels.ErrChannelFull) {
			t.Errorf("send to a full channel: got %v", err)
		}
	})
}

func TestAMembershipLastsForTheGroupExpiryUnlessItsChannelIsInUse(t *testing.T) {
	inBubble(t, memlayer.Options{GroupExpiry: time.Hour, Expiry: 24 * time.Hour}, func(t *testing.T, l *memlayer.Layer) {
		subscribed, received := newChannel(t, l), newChannel(t, l)
		var heard int
		unsubscribe, err := l.Subscribe(subscribed, func(channels.Message) { heard++ })
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan error)
		go func() {
			_, err := l.Receive(t.Context(), received)
			got <- err
		}()
		synctest.Wait()
		for _, channel := range []string{"idle", "renewed", subscribed, received} {
			join(t, l, "room", channel)
		}
		send(t, l, "idle", 1)
		time.Sleep(30 * time.Minute)
		join(t, l, "room", "renewed")
		time.Sleep(30*time.Minute - time.Nanosecond)
		groupSend(t, l, "room", 2)
		if err := <-got; err != nil {
			t.Errorf("receive: %v", err)
		}
		go func() {
			_, err := l.Receive(t.Context(), received)
			got <- err
		}()
		synctest.Wait()
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		groupSend(t, l, "room", 3)
		if err := <-got; err != nil {
			t.Errorf("receive after the group expiry: %v", err)
		}
		if heard != 2 {
			t.Errorf("a subscriber heard %d messages, want 2", heard)
		}
		if a, b, c := receive(t, l, "idle"), receive(t, l, "idle"), receive(t, l, "idle"); a != 1 || b != 2 || c != 0 {
			t.Errorf("a channel that nobody used got %d, %d and %d, want 1 and 2", a, b, c)
		}
		unsubscribe()
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := l.Remembered(); n != 3 {
			t.Errorf("the layer remembers %d things, want one queue and the two messages in it", n)
		}
	})
}

func TestWhatIsOverCostsNoMemory(t *testing.T) {
	inBubble(t, memlayer.Options{Capacity: 2}, func(t *testing.T, l *memlayer.Layer) {
		ended, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var all sync.WaitGroup
		for range 500 {
			sent, waiting, subscribed := newChannel(t, l), newChannel(t, l), newChannel(t, l)
			for _, channel := range []string{sent, waiting, subscribed} {
				join(t, l, "room."+channel[len(channel)-10:], channel)
			}
			if err := l.GroupDiscard(t.Context(), "room."+sent[len(sent)-10:], sent); err != nil {
				t.Fatal(err)
			}
			if err := l.GroupDiscard(t.Context(), "none", newChannel(t, l)); err != nil {
				t.Fatal(err)
			}
			send(t, l, sent, 1, 2)
			receive(t, l, sent)
			receive(t, l, sent)
			receive(t, l, newChannel(t, l))
			send(t, l, newChannel(t, l), 1)
			all.Go(func() { _, _ = l.Receive(ended, waiting) })
			for _, channel := range []string{subscribed, newChannel(t, l)} {
				unsubscribe, err := l.Subscribe(channel, func(channels.Message) {})
				if err != nil {
					t.Fatal(err)
				}
				unsubscribe()
			}
			channel := newChannel(t, l)
			send(t, l, channel, 1)
			receive(t, l, channel)
			all.Go(func() { _, _ = l.Receive(t.Context(), channel) })
			synctest.Wait()
			send(t, l, channel, 2)
		}
		all.Wait()
		if n := l.Remembered(); n != 500*5 {
			t.Errorf("the layer remembers %d things, want 500 times a member's queue, group and membership, and another queue with its message", n)
		}
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if n := l.Remembered(); n != 0 {
			t.Errorf("the layer remembers %d things that are over", n)
		}
	})
}
