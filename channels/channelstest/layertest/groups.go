package layertest

import (
	"testing"

	"github.com/teahouse-chat/teahouse/channels"
)

func groups(b Backend) []test {
	return []test{
		{"AGroupSendReachesEveryMemberOnce", true, testGroup},
		{"AGroupSendToAnEmptyGroupReachesNobody", true, testEmptyGroup},
		{"AMemberAddedTwiceGetsAMessageOnce", true, testAddTwice},
		{"ADiscardedMemberGetsNothingMore", true, testDiscard},
		{"DiscardOfANonMemberChangesNothing", true, testDiscardNonMember},
		{"AChannelMayBeInSeveralGroups", true, testSeveralGroups},
		{"AMemberThatIsFullLosesTheMessageAndTheOthersDoNot", true, testFullMember},
		{"LossesOfAGroupAreCountedUnderItsName", !b.LateFull || !b.NoOpenChannels, testGroupLosses},
		{"OpenChannelsMayBeMembers", !b.NoOpenChannels, testOpenMembers},
	}
}

func testGroup(t *testing.T, b Backend) {
	l := b.open(t, Options{})
	var members []string
	for range 20 {
		members = append(members, newChannel(t, l))
	}
	outside := newChannel(t, l)
	join(t, l, "room", members...)
	join(t, l, "other", outside)
	groupSend(t, l, "room", count(50)...)
	for _, member := range members {
		expect(t, l, member, count(50)...)
	}
	silent(t, l, outside, members[0], members[19])
}

func testEmptyGroup(t *testing.T, b Backend) {
	l := b.open(t, Options{})
	channel := newChannel(t, l)
	groupSend(t, l, "room", 1)
	join(t, l, "room", channel)
	groupSend(t, l, "room", 2)
	leave(t, l, "room", channel)
	groupSend(t, l, "room", 3)
	expect(t, l, channel, 2)
	silent(t, l, channel)
}

func testAddTwice(t *testing.T, b Backend) {
	l := b.open(t, Options{})
	channel, other := newChannel(t, l), newChannel(t, l)
	join(t, l, "room", channel, other, channel)
	groupSend(t, l, "room", 1, 2)
	expect(t, l, channel, 1, 2)
	silent(t, l, channel)
	leave(t, l, "room", channel)
	groupSend(t, l, "room", 3)
	expect(t, l, other, 1, 2, 3)
	silent(t, l, channel)
}

func testDiscard(t *testing.T, b Backend) {
	l := b.open(t, Options{})
	stays, goes := newChannel(t, l), newChannel(t, l)
	join(t, l, "room", stays, goes)
	groupSend(t, l, "room", 1)
	expect(t, l, stays, 1)
	expect(t, l, goes, 1)
	leave(t, l, "room", goes)
	groupSend(t, l, "room", 2)
	send(t, l, goes, 3)
	expect(t, l, stays, 2)
	expect(t, l, goes, 3)
	join(t, l, "room", goes)
	groupSend(t, l, "room", 4)
	expect(t, l, stays, 4)
	expect(t, l, goes, 4)
}

func testDiscardNonMember(t *testing.T, b Backend) {
	l := b.open(t, Options{})
	channel, other := newChannel(t, l), newChannel(t, l)
	leave(t, l, "room", channel)
	join(t, l, "room", channel)
	leave(t, l, "room", other)
	leave(t, l, "other", channel)
	leave(t, l, "room", "nobody")
	groupSend(t, l, "room", 1)
	expect(t, l, channel, 1)
	silent(t, l, channel, other)
}

func testSeveralGroups(t *testing.T, b Backend) {
	l := b.open(t, Options{})
	channel, other := newChannel(t, l), newChannel(t, l)
	join(t, l, "one", channel, other)
	join(t, l, "two", channel)
	groupSend(t, l, "one", 1)
	expect(t, l, channel, 1)
	groupSend(t, l, "two", 2)
	expect(t, l, channel, 2)
	leave(t, l, "one", channel)
	groupSend(t, l, "one", 3)
	groupSend(t, l, "two", 4)
	expect(t, l, channel, 4)
	expect(t, l, other, 1, 3)
	silent(t, l, channel, other)
}

func testFullMember(t *testing.T, b Backend) {
	losses := newLosses()
	l := b.open(t, Options{Capacity: 50, Losses: losses, ChannelCapacity: []channels.CapacityRule{{Pattern: "*small*", Capacity: 3}}})
	small, err := l.NewChannel(t.Context(), "small")
	if err != nil {
		t.Fatal(err)
	}
	large := newChannel(t, l)
	join(t, l, "room", small, large)
	for _, n := range count(8) { // one at a time, so that only the small one is ever full
		groupSend(t, l, "room", n)
		expect(t, l, large, n)
	}
	eventually(t, "5 messages are counted as lost", func() bool { return losses.Total(channels.LossFull) == 5 })
	expect(t, l, small, 1, 2, 3)
	silent(t, l, small, large)
}

func testGroupLosses(t *testing.T, b Backend) {
	losses := newLosses()
	l := b.open(t, Options{Capacity: 3, Losses: losses})
	member := "open"
	if b.NoOpenChannels {
		member = newChannel(t, l)
	}
	join(t, l, "room", member)
	groupSend(t, l, "room", count(8)...)
	want := channels.Loss{Group: "room", Reason: channels.LossFull, Count: 5}
	if all := losses.All(); len(all) != 1 || all[0] != want {
		t.Errorf("losses: got %v, want %v", all, want)
	}
	expect(t, l, member, 1, 2, 3)
	silent(t, l, member)
}

func testOpenMembers(t *testing.T, b Backend) {
	l := b.open(t, Options{})
	channel := newChannel(t, l)
	join(t, l, "room", "worker-1", channel, "worker-2")
	groupSend(t, l, "room", 1, 2)
	for _, name := range []string{"worker-1", "worker-2", channel} {
		expect(t, l, name, 1, 2)
		silent(t, l, name)
	}
	leave(t, l, "room", "worker-1")
	groupSend(t, l, "room", 3)
	expect(t, l, "worker-2", 3)
	silent(t, l, "worker-1")
}
