package layertest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/teahouse-chat/teahouse/channels"
)

func processes(b Backend, flusher bool) []test {
	return []test{
		{"AProcessesChannelIsSentToFromAnother", b.Shared, testSendAcross},
		{"AProcessesChannelIsReceivedFromOnlyThere", b.Shared, testReceiveAcross},
		{"AGroupSpansProcesses", b.Shared, testGroupAcross},
		{"ProcessesShareAnOpenChannel", b.Shared && !b.NoOpenChannels, testOpenAcross},
		{"AnotherProcessMayAddAndDiscardAMember", b.Shared && !b.NoOpenChannels, testAddAcross},
		{"CloseTakesAProcessesMembersOutOfTheirGroups", b.Shared, testCloseAcross},
		{"AFlushIsForgottenByAllProcesses", b.Shared && flusher, testFlushAcross},
	}
}

func testSendAcross(t *testing.T, b Backend) {
	here, there := b.open(t, Options{}), b.open(t, Options{})
	channel := newChannel(t, here)
	send(t, there, channel, count(90)...)
	expect(t, here, channel, count(90)...)
	silent(t, here, channel)
}

func testReceiveAcross(t *testing.T, b Backend) {
	here, there := b.open(t, Options{}), b.open(t, Options{})
	channel := newChannel(t, here)
	send(t, there, channel, 1)
	ctx, cancel := context.WithTimeout(t.Context(), moment)
	defer cancel()
	if m, err := there.Receive(ctx, channel); err == nil {
		t.Errorf("receive from another process's channel: got %v", m)
	}
	send(t, there, channel, 2)
	expect(t, here, channel, 1, 2)
}

func testGroupAcross(t *testing.T, b Backend) {
	here, there := b.open(t, Options{}), b.open(t, Options{})
	h1, h2, other, t1 := newChannel(t, here), newChannel(t, here), newChannel(t, here), newChannel(t, there)
	join(t, here, "room", h1, h2)
	join(t, here, "other", other)
	join(t, there, "room", t1)
	groupSend(t, here, "room", 1)
	expect(t, there, t1, 1)
	groupSend(t, there, "room", count(50)...)
	expect(t, here, h1, append([]int{1}, count(50)...)...)
	expect(t, here, h2, append([]int{1}, count(50)...)...)
	expect(t, there, t1, count(50)...)
	silent(t, here, h1, h2, other)
	silent(t, there, t1)
	leave(t, here, "room", h1)
	groupSend(t, there, "room", 7)
	expect(t, here, h2, 7)
	expect(t, there, t1, 7)
	silent(t, here, h1)
}

func testOpenAcross(t *testing.T, b Backend) {
	here, there := b.open(t, Options{}), b.open(t, Options{})
	send(t, here, "open", 1)
	expect(t, there, "open", 1)
	send(t, there, "open", 2)
	expect(t, here, "open", 2)
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan int, 1000)
	ended := make(chan struct{})
	for _, l := range []channels.Layer{here, there} {
		go func() {
			for {
				m, err := l.Receive(ctx, "open")
				if err != nil {
					ended <- struct{}{}
					return
				}
				n, _ := m.Int("n")
				got <- int(n)
			}
		}()
	}
	for _, n := range count(60) {
		send(t, here, "open", 2*n-1)
		send(t, there, "open", 2*n)
	}
	eventually(t, "everything was received", func() bool { return len(got) >= 120 })
	time.Sleep(moment)
	cancel()
	<-ended
	<-ended
	close(got)
	var all []int
	for n := range got {
		all = append(all, n)
	}
	if slices.Sort(all); !slices.Equal(all, count(120)) {
		t.Errorf("two processes got %v, want 1 to 120", all)
	}
}

func testAddAcross(t *testing.T, b Backend) {
	here, there := b.open(t, Options{}), b.open(t, Options{})
	channel := newChannel(t, here)
	join(t, there, "room", channel)
	groupSend(t, here, "room", 1)
	groupSend(t, there, "room", 2)
	expect(t, here, channel, 1, 2)
	leave(t, there, "room", channel)
	groupSend(t, here, "room", 3)
	silent(t, here, channel)
}

func testCloseAcross(t *testing.T, b Backend) {
	losses := newLosses()
	here, there := b.open(t, Options{}), b.open(t, Options{Capacity: 3, Losses: losses})
	goes, stays := newChannel(t, here), newChannel(t, there)
	join(t, here, "room", goes)
	join(t, there, "room", stays)
	if err := here.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	for _, n := range count(20) { // many more than a member that nobody empties could take
		groupSend(t, there, "room", n)
		expect(t, there, stays, n)
	}
	if all := losses.All(); len(all) != 0 {
		t.Errorf("losses of a group whose other member has gone: got %v", all)
	}
}

func testFlushAcross(t *testing.T, b Backend) {
	here, there := b.open(t, Options{}), b.open(t, Options{})
	channel := newChannel(t, here)
	join(t, here, "room", channel)
	heard := inUse(t, here, channel)
	if !b.NoOpenChannels {
		send(t, here, "open", 1)
		join(t, here, "room", "member")
	}
	flush(t, there)
	if !b.NoOpenChannels {
		groupSend(t, here, "room", 2)
		silent(t, here, "open", "member")
		silent(t, there, "open", "member")
	}
	eventually(t, "a group reaches a channel that was in use when another process flushed", func() bool {
		groupSend(t, there, "room", 3)
		time.Sleep(moment)
		return heard.Load() > 0
	})
}
