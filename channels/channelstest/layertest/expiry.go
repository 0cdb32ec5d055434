package layertest

import (
	"context"
	"testing"
	"time"
)

// expiries are the tests that have to wait for seconds. A layer may count in whole ones, and so be late by almost one.
func expiries(b Backend, subscriber bool) []test {
	return []test{
		{"MessagesExpire", !b.NoExpiry, testExpiry},
		{"ExpiredMessagesTakeNoRoom", !b.NoExpiry && !b.NoOpenChannels && !b.Sharded, testExpiryMakesRoom},
		{"MembershipsExpireAndAreRenewedByGroupAdd", !b.NoExpiry && !b.NoOpenChannels, testGroupExpiry},
		{"AMembershipInUseDoesNotExpire", !b.NoExpiry, testMembershipInUse},
		{"ASubscribersMembershipsDoNotExpire", subscriber && !b.NoExpiry, testSubscribedMembership},
	}
}

func testExpiry(t *testing.T, b Backend) {
	l := b.open(t, Options{Expiry: 2 * time.Second})
	names := b.kinds(t, l)
	for _, name := range names {
		send(t, l, name, 1, 2)
	}
	time.Sleep(3100 * time.Millisecond)
	for _, name := range names {
		silent(t, l, name)
		send(t, l, name, 3)
		expect(t, l, name, 3)
	}
}

func testExpiryMakesRoom(t *testing.T, b Backend) {
	l := b.open(t, Options{Expiry: 2 * time.Second, Capacity: 2})
	send(t, l, "open", 1, 2)
	time.Sleep(3100 * time.Millisecond)
	send(t, l, "open", 3, 4)
	expect(t, l, "open", 3, 4)
}

func testGroupExpiry(t *testing.T, b Backend) {
	l := b.open(t, Options{GroupExpiry: 4 * time.Second})
	join(t, l, "room", "goes", "stays")
	join(t, l, "quiet", "goes")
	time.Sleep(2600 * time.Millisecond)
	join(t, l, "room", "stays")
	time.Sleep(2500 * time.Millisecond)
	groupSend(t, l, "room", 1)
	groupSend(t, l, "quiet", 2)
	expect(t, l, "stays", 1)
	silent(t, l, "goes")
}

func testMembershipInUse(t *testing.T, b Backend) {
	l := b.open(t, Options{GroupExpiry: 2 * time.Second})
	channel := newChannel(t, l)
	join(t, l, "room", channel)
	got := make(chan error)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	go func() {
		_, err := l.Receive(ctx, channel)
		got <- err
	}()
	time.Sleep(4100 * time.Millisecond)
	groupSend(t, l, "room", 1)
	if err := <-got; err != nil {
		t.Errorf("receive from a channel that was in use all the time: %v", err)
	}
}

func testSubscribedMembership(t *testing.T, b Backend) {
	l := b.open(t, Options{GroupExpiry: 2 * time.Second})
	channel := newChannel(t, l)
	join(t, l, "room", channel)
	var e ear
	defer subscribe(t, l, channel, e.deliver)()
	time.Sleep(4100 * time.Millisecond)
	groupSend(t, l, "room", 1)
	e.expect(t, 1)
}
