package memlayer_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/channels/memlayer"
)

// subscribed makes n channels that are subscribed to and in the group "room", and counts what they get.
func subscribed(b *testing.B, l *memlayer.Layer, n int) (names []string, heard *atomic.Int64) {
	b.Helper()
	heard = new(atomic.Int64)
	for range n {
		name, err := l.NewChannel(b.Context(), "")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := l.Subscribe(name, func(channels.Message) { heard.Add(1) }); err != nil {
			b.Fatal(err)
		}
		if err := l.GroupAdd(b.Context(), "room", name); err != nil {
			b.Fatal(err)
		}
		names = append(names, name)
	}
	return names, heard
}

// report sees that everything was delivered.
func report(b *testing.B, heard *atomic.Int64, want int) {
	b.Helper()
	if heard.Load() != int64(want) {
		b.Errorf("%d messages were delivered, want %d", heard.Load(), want)
	}
}

func BenchmarkGroupSendToSubscribed(b *testing.B) {
	for _, members := range []int{1, 100, 10000} {
		b.Run(fmt.Sprintf("members=%d", members), func(b *testing.B) {
			l := memlayer.New(nil)
			defer l.Close()
			_, heard := subscribed(b, l, members)
			m := channels.Message{"type": "chat.message", "text": "two teas, please", "n": 7}
			b.ReportAllocs()
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					if err := l.GroupSend(b.Context(), "room", m); err != nil {
						b.Error(err)
					}
				}
			})
			report(b, heard, b.N*members)
		})
	}
}

func BenchmarkSendToSubscribed(b *testing.B) {
	l := memlayer.New(nil)
	defer l.Close()
	names, heard := subscribed(b, l, 1)
	m := channels.Message{"type": "chat.message", "text": "two teas, please", "n": 7}
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if err := l.Send(b.Context(), names[0], m); err != nil {
				b.Error(err)
			}
		}
	})
	report(b, heard, b.N)
}

func BenchmarkSendAndReceive(b *testing.B) {
	l := memlayer.New(nil)
	defer l.Close()
	m := channels.Message{"type": "chat.message", "text": "two teas, please", "n": 7}
	b.ReportAllocs()
	for b.Loop() {
		if err := l.Send(b.Context(), "worker", m); err != nil {
			b.Fatal(err)
		}
		if _, err := l.Receive(b.Context(), "worker"); err != nil {
			b.Fatal(err)
		}
	}
}
