package redislayer_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/channels/redislayer"
	"github.com/teahouse-chat/teahouse/internal/redistest"
)

func newChannel(t testing.TB, l channels.Layer) string {
	t.Helper()
	name, err := l.NewChannel(context.Background(), "")
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func groupAdd(t testing.TB, l channels.Layer, group string, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := l.GroupAdd(context.Background(), group, name); err != nil {
			t.Fatal(err)
		}
	}
}

func groupSend(t testing.TB, l channels.Layer, group string, m channels.Message) {
	t.Helper()
	if err := l.GroupSend(context.Background(), group, m); err != nil {
		t.Fatal(err)
	}
}

// receive waits for a message for 10 s at most.
func receive(t testing.TB, l channels.Layer, channel string) channels.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	m, err := l.Receive(ctx, channel)
	if err != nil {
		t.Fatalf("receive from %s: %v", channel, err)
	}
	return m
}

// keys are a server's keys, in their order.
func keys(t testing.TB, s *redistest.Server) []string {
	t.Helper()
	var list []string
	for _, k := range s.Do(t, "KEYS", "*").([]any) {
		list = append(list, k.(string))
	}
	slices.Sort(list)
	return list
}

func TestKeysAreWherePythonLooks(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	l := newCore(t, &redislayer.Options{Hosts: hosts(server), Prefix: "my.prefix:", Expiry: 30 * time.Second, GroupExpiry: time.Hour})
	local := newChannel(t, l)
	if !regexp.MustCompile(`^specific\.[0-9a-f]{32}![0-9a-f]{32}$`).MatchString(local) {
		t.Errorf("the name %s isn't like Python's", local)
	}
	groupAdd(t, l, "room", "open", local)
	if err := l.Send(t.Context(), "open", channels.Message{"type": "t"}); err != nil {
		t.Fatal(err)
	}
	groupSend(t, l, "room", channels.Message{"type": "t"})
	receive(t, l, local) // what is for an own channel is in Redis for a moment only
	var client string
	got := slices.DeleteFunc(keys(t, server), func(k string) bool {
		rest, ok := strings.CutPrefix(k, "my.prefix::alive:")
		if ok {
			client = rest
		}
		return ok
	})
	if want := []string{"my.prefix::group:room", "my.prefix:open"}; !slices.Equal(got, want) || !strings.Contains(local, "."+client+"!") {
		t.Errorf("got keys %q, want %q", got, want)
	}
	for key, want := range map[string]int64{"my.prefix::group:room": 3600, "my.prefix:open": 30, "my.prefix::alive:" + client: 300} {
		if ttl := server.Do(t, "TTL", key).(int64); ttl > want || ttl < want-10 {
			t.Errorf("%s: got a TTL of %d s, want %d", key, ttl, want)
		}
	}
	members := server.Do(t, "ZRANGE", "my.prefix::group:room", 0, -1, "WITHSCORES").([]any)
	if len(members) != 4 || members[0] != "open" || members[2] != local {
		t.Errorf("the group has %q", members)
	}
	waiting := server.Do(t, "ZRANGE", "my.prefix:open", 0, -1, "WITHSCORES").([]any)
	if len(waiting) != 4 || waiting[0].(string)[12:] != "\x81\xa4type\xa1t" || waiting[2].(string)[12:] != "\x82\xa4type\xa1t\xb0__asgi_channel__\x91\xa4open" {
		t.Errorf("open has %q", waiting)
	}
	for _, at := range []any{members[1], waiting[1], waiting[3]} {
		seconds, err := strconv.ParseFloat(at.(string), 64)
		if now := float64(time.Now().UnixMilli()) / 1000; err != nil || seconds < now-60 || seconds > now+1 {
			t.Errorf("a score is %v, and it is %v", at, now)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got := keys(t, server); !slices.Equal(got, []string{"my.prefix::group:room", "my.prefix:open"}) {
		t.Errorf("after Close there are %q", got)
	}
	if left := server.Do(t, "ZRANGE", "my.prefix::group:room", 0, -1).([]any); !slices.Equal(left, []any{"open"}) {
		t.Errorf("after Close the group has %q", left)
	}
}

func TestSubscriptionsAreWherePythonPublishes(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	l := newPubSub(t, &redislayer.Options{Hosts: hosts(server), Prefix: "my.prefix:"})
	one, two := newChannel(t, l), newChannel(t, l)
	if !regexp.MustCompile(`^my\.prefix:specific\.[0-9a-f]{32}$`).MatchString(one) {
		t.Errorf("the name %s isn't like Python's", one)
	}
	groupAdd(t, l, "room", one, two, one)
	subscribed := func() []string {
		var names []string
		for _, n := range server.Do(t, "PUBSUB", "CHANNELS").([]any) {
			names = append(names, n.(string))
		}
		slices.Sort(names)
		return names
	}
	want := []string{"my.prefix:__group__room", one, two}
	slices.Sort(want)
	if got := subscribed(); !slices.Equal(got, want) {
		t.Errorf("subscribed to %q, want %q", got, want)
	}
	server.Do(t, "PUBLISH", "my.prefix:__group__room", "\x81\xa4type\xa1t")
	for _, c := range []string{one, two} {
		if m := receive(t, l, c); m.Type() != "t" {
			t.Errorf("got %v", m)
		}
	}
	unsubscribe, err := l.Subscribe(two, func(channels.Message) {})
	if err != nil {
		t.Fatal(err)
	}
	unsubscribe()
	if err := l.GroupDiscard(t.Context(), "room", one); err != nil {
		t.Fatal(err)
	}
	within(t, "only the channel that is left is subscribed to", func() bool { return slices.Equal(subscribed(), []string{one}) })
	if n := server.Do(t, "DBSIZE"); n != int64(0) {
		t.Errorf("there are %d keys", n)
	}
}

// within waits up to 10 s for something to be so.
func within(t testing.TB, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it isn't so that %s", what)
		}
	}
}

func TestTenThousandMembershipsAreFewCommands(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	l := newCore(t, &redislayer.Options{Hosts: hosts(server), Capacity: 10})
	names := make([]string, 10_000)
	for i := range names {
		names[i] = newChannel(t, l)
	}
	var wg sync.WaitGroup
	for part := range slices.Chunk(names, 100) {
		wg.Go(func() { groupAdd(t, l, "room", part...) })
	}
	wg.Wait()
	if n := server.Do(t, "ZCARD", "asgi:group:room"); n != int64(len(names)) {
		t.Errorf("the group has %v members", n)
	}
	joins := calls(t, server, "zadd")
	server.Do(t, "FLUSHDB")
	within(t, "all are back", func() bool { return server.Do(t, "ZCARD", "asgi:group:room") == int64(len(names)) })
	again := calls(t, server, "zadd") - joins
	groupSend(t, l, "room", channels.Message{"type": "t"})
	receive(t, l, names[0])
	receive(t, l, names[9_999])
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d ZADD joined %d channels, %d joined them again, %d ZREM took them out", joins, len(names), again, calls(t, server, "zrem"))
	if joins > 10_000 || again > 20 || calls(t, server, "zrem") > 20 {
		t.Errorf("too many: a command writes 500 members")
	}
	if n := server.Do(t, "DBSIZE"); n != int64(0) {
		t.Errorf("after Close there are the keys %q", keys(t, server))
	}
}

// calls is how often a server did a command.
func calls(t testing.TB, s *redistest.Server, command string) int {
	t.Helper()
	stats := s.Do(t, "INFO", "commandstats").(string)
	found := regexp.MustCompile(`cmdstat_` + command + `:calls=(\d+)`).FindStringSubmatch(stats)
	if found == nil {
		return 0
	}
	n, err := strconv.Atoi(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestDirectSendsReachAProcessOnEveryHost(t *testing.T) {
	t.Parallel()
	servers := []*redistest.Server{redistest.Start(t), redistest.Start(t), redistest.Start(t)}
	here, there := newCore(t, &redislayer.Options{Hosts: hosts(servers...)}), newCore(t, &redislayer.Options{Hosts: hosts(servers...)})
	for i := range 20 {
		channel := newChannel(t, here)
		if err := there.Send(t.Context(), channel, channels.Message{"n": i}); err != nil {
			t.Fatal(err)
		}
		if n, _ := receive(t, here, channel).Int("n"); n != int64(i) {
			t.Errorf("got %d, want %d", n, i)
		}
	}
	channel := newChannel(t, here) // Python sends it to any of them
	key, _, _ := strings.Cut("asgi"+channel, "!")
	for i, s := range servers {
		body := append([]byte("random bytes\x82\xa1n"), byte(i), 0xb0)
		body = append(append(body, channels.ReservedKey+"\xd9"...), byte(len(channel)))
		s.Do(t, "ZADD", key+"!", 1, append(body, channel...))
	}
	sum := int64(0)
	for range servers {
		n, _ := receive(t, here, channel).Int("n")
		sum += n
	}
	if sum != 0+1+2 {
		t.Errorf("the numbers make %d, want 3", sum)
	}
}

func TestPubSubReachesChannelsAndGroupsOfSeveralHosts(t *testing.T) {
	t.Parallel()
	servers := []*redistest.Server{redistest.Start(t), redistest.Start(t), redistest.Start(t)}
	o := &redislayer.Options{Hosts: hosts(servers...), Logger: quiet}
	here, there := newPubSub(t, o), newPubSub(t, o)
	for i := range 20 {
		channel := newChannel(t, here)
		group := fmt.Sprintf("group-%d", i)
		groupAdd(t, here, group, channel)
		if err := there.Send(t.Context(), channel, channels.Message{"n": 2 * i}); err != nil {
			t.Fatal(err)
		}
		a, _ := receive(t, here, channel).Int("n")
		groupSend(t, there, group, channels.Message{"n": 2*i + 1})
		b, _ := receive(t, here, channel).Int("n")
		if a != int64(2*i) || b != int64(2*i+1) {
			t.Errorf("got %d and %d, want %d and %d", a, b, 2*i, 2*i+1)
		}
	}
	for _, s := range servers {
		if calls(t, s, "publish") == 0 {
			t.Errorf("nothing was published on one host of three")
		}
	}
}

func TestMembersThatNobodyRenewsAreRemoved(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	l := newCore(t, &redislayer.Options{Hosts: hosts(server), RejoinInterval: time.Second})
	groupAdd(t, l, "room", newChannel(t, l))
	server.Do(t, "ZADD", "asgi:group:room", time.Now().Add(-25*time.Hour).Unix(), "specific.dead!one")
	within(t, "the old one has gone", func() bool { return server.Do(t, "ZCARD", "asgi:group:room") == int64(1) })
}

func TestAFlushDeletesTheKeysOfThePrefixOnly(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	l := newCore(t, &redislayer.Options{Hosts: hosts(server), Prefix: "a*"})
	for i := range 3000 {
		if i%3 == 0 {
			server.Do(t, "SET", fmt.Sprintf("ab%d", i), "x")
			server.Do(t, "SET", fmt.Sprintf("a*%d", i), "x")
		}
	}
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, k := range keys(t, server) {
		if strings.HasPrefix(k, "a*") && !strings.HasPrefix(k, "a*:alive:") {
			t.Fatalf("%s is still there", k)
		}
	}
	if n := len(keys(t, server)); n < 1000 {
		t.Errorf("%d keys are left, want the 1000 of another prefix", n)
	}
}

func TestExpiredOpenMessagesAreRemovedBySenders(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	l := newCore(t, &redislayer.Options{Hosts: hosts(server), Capacity: 2})
	old := time.Now().Add(-2 * time.Minute).Unix()
	server.Do(t, "ZADD", "asgiopen", old, "old 1", old, "old 2")
	if err := l.Send(t.Context(), "open", channels.Message{"n": 1}); err != nil {
		t.Fatal(err)
	}
	if n, _ := receive(t, l, "open").Int("n"); n != 1 {
		t.Errorf("got %d, want 1", n)
	}
	server.Do(t, "ZADD", "asgi:group:room", time.Now().Add(-25*time.Hour).Unix(), "open")
	groupSend(t, l, "room", channels.Message{"n": 2})
	if n := server.Do(t, "ZCARD", "asgiopen"); n != int64(0) {
		t.Errorf("a member that had expired got a message")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := l.Receive(ctx, "open"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want context.DeadlineExceeded", err)
	}
}
