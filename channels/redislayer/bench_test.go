package redislayer_test

import (
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/channels/redislayer"
	"github.com/teahouse-chat/teahouse/internal/redistest"
)

// BenchmarkGroupSend has 32 senders of one node send to a group that two nodes are in: a message is done when both have it. full/op is the part of
// messages that were dropped because a node fell behind by more than the capacity, here 10,000; cpu-µs/op and redis-µs/op are the processor time that
// both nodes and Redis took, which other load on the machine changes less than the time on the clock.
func BenchmarkGroupSend(b *testing.B) {
	for kind, open := range kinds {
		b.Run(kind, func(b *testing.B) {
			server := redistest.Start(b)
			o := &redislayer.Options{Hosts: hosts(server), Capacity: 10_000}
			sender := open(b, o)
			var arrived atomic.Int64
			for _, node := range []channels.Layer{sender, open(b, o)} {
				channel, err := node.NewChannel(b.Context(), "")
				if err != nil {
					b.Fatal(err)
				}
				if _, err := node.(channels.Subscriber).Subscribe(channel, func(channels.Message) { arrived.Add(1) }); err != nil {
					b.Fatal(err)
				}
				if err := node.GroupAdd(b.Context(), "room", channel); err != nil {
					b.Fatal(err)
				}
			}
			m := channels.Message{"type": "chat.message", "room": "room", "offset": 123456, "text": "a line of chat that is neither long nor short, 64 bytes or so"}
			b.ReportAllocs()
			b.ResetTimer()
			ours, redis := processCPU(b), redisCPU(b, server)
			sendAll(b, b.N, 32, func() error { return sender.GroupSend(b.Context(), "room", m) })
			deadline := time.Now().Add(10 * time.Second)
			full := func() int64 { return lossesOf(sender).Total(channels.LossFull) }
			for arrived.Load()+full() < 2*int64(b.N) && time.Now().Before(deadline) {
				time.Sleep(100 * time.Microsecond)
			}
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
			b.ReportMetric((processCPU(b)-ours)*1e6/float64(b.N), "cpu-µs/op")
			b.ReportMetric((redisCPU(b, server)-redis)*1e6/float64(b.N), "redis-µs/op")
			b.ReportMetric(float64(full())/float64(2*b.N), "full/op")
			if got := arrived.Load() + full(); got != 2*int64(b.N) {
				b.Errorf("%d messages of %d arrived, or were counted as lost", got, 2*b.N)
			}
		})
	}
}

// sendAll calls send n times, by so many senders at once.
func sendAll(b *testing.B, n, senders int, send func() error) {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(n))
	var wg sync.WaitGroup
	for range senders {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := send(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// processCPU is the processor time that this process has taken, in seconds.
func processCPU(b *testing.B) float64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// redisCPU is the processor time that a server has taken, in seconds.
func redisCPU(b *testing.B, s *redistest.Server) float64 {
	b.Helper()
	total := 0.0
	for line := range strings.Lines(s.Do(b, "INFO", "cpu").(string)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name == "used_cpu_sys" || name == "used_cpu_user" {
			seconds, err := strconv.ParseFloat(value, 64)
			if err != nil {
				b.Fatal(err)
			}
			total += seconds
		}
	}
	return total
}

func lossesOf(l channels.Layer) *channels.Losses {
	return l.(interface{ Losses() *channels.Losses }).Losses()
}
