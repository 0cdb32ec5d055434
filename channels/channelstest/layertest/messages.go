package layertest

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/teahouse-chat/teahouse/channels"
)

func namesAndMessages() []test {
	return []test{
		{"NewChannelMakesNamesThatBeginWithAPrefixAndDiffer", true, testNewChannel},
		{"NamesUpToTheirLimitsWork", true, testGoodNames},
		{"BadNamesAreErrName", true, testBadNames},
		{"EveryKindOfValueArrivesNormalised", true, testValues},
		{"BytesArriveAsBytes", true, testBytes},
		{"MessagesMayBeEmptyOrNil", true, testEmpty},
		{"MessagesMayBeNestedToTheLimit", true, testDeep},
		{"LargeMessagesArriveWhole", true, testLarge},
		{"WhatCannotTravelIsErrMessageAndIsNotSent", true, testBadMessages},
		{"SenderAndReceiversShareNothing", true, testOwnCopies},
	}
}

func testNewChannel(t *testing.T, b Backend) {
	l := b.open(t, Options{})
	seen := map[string]bool{}
	for _, c := range []struct{ prefix, start string }{{"", "specific"}, {"specific", "specific"}, {"chat.worker-7_x", "chat.worker-7_x"}} {
		for range 50 {
			name, err := l.NewChannel(t.Context(), c.prefix)
			if err != nil {
				t.Fatalf("new channel with the prefix %q: %v", c.prefix, err)
			}
			if !strings.HasPrefix(name, b.NameStart+c.start) {
				t.Errorf("new channel with the prefix %q: got %s", c.prefix, name)
			}
			if err := channels.CheckChannel(name); err != nil {
				t.Errorf("new channel with the prefix %q: %v", c.prefix, err)
			}
			if !b.NoOpenChannels && !channels.IsLocal(name) {
				t.Errorf("new channel with the prefix %q: %s doesn't say that it belongs to one process", c.prefix, name)
			}
			if seen[name] {
				t.Errorf("new channel: got %s twice", name)
			}
			seen[name] = true
		}
	}
}

func testGoodNames(t *testing.T, b Backend) {
	l := b.open(t, Options{})
	local := newChannel(t, l)
	for n, name := range []string{"a", "0", "-", "_", ".", "Az09-_.", "..", strings.Repeat("n", channels.MaxName)} {
		join(t, l, name, local)
		groupSend(t, l, name, n)
		expect(t, l, local, n)
		leave(t, l, name, local)
		if !b.NoOpenChannels {
			send(t, l, name, n)
			expect(t, l, name, n)
		}
	}
}

func testBadNames(t *testing.T, b Backend) {
	l := b.open(t, Options{})
	local := newChannel(t, l)
	groups := []string{
		"", " ", "a b", "a:b", "a/b", "a?", "a*", "房间", "é", "a\n", "\x00", "a\xff", "٣", strings.Repeat("n", channels.MaxName+1), strings.Repeat("n", 1000),
	}
	check := func(what, name string, err error) {
		if !errors.Is(err, channels.ErrName) {
			t.Errorf("%s with the name %.110q: got %v, want ErrName", what, name, err)
		}
	}
	for _, name := range append(slices.Clone(groups), "!", "!a", "a!b!c", "a!b c", "a!房间") {
		check("send", name, l.Send(t.Context(), name, message(1)))
		_, err := l.Receive(t.Context(), name)
		check("receive", name, err)
		check("group add of a channel", name, l.GroupAdd(t.Context(), "room", name))
		check("group discard of a channel", name, l.GroupDiscard(t.Context(), "room", name))
		if s, ok := l.(channels.Subscriber); ok {
			_, err := s.Subscribe(name, func(channels.Message) {})
			check("subscribe", name, err)
		}
	}
	for _, name := range append(groups, "a!", "a!b") {
		check("group add", name, l.GroupAdd(t.Context(), name, local))
		check("group discard", name, l.GroupDiscard(t.Context(), name, local))
		check("group send", name, l.GroupSend(t.Context(), name, message(1)))
	}
	for _, prefix := range []string{" ", "a b", "房间", "a\n", "a!b!", strings.Repeat("n", channels.MaxName)} {
		_, err := l.NewChannel(t.Context(), prefix)
		check("new channel", prefix, err)
	}
}

// pass sends a message and receives it.
func pass(t *testing.T, l channels.Layer, channel string, m channels.Message) channels.Message {
	t.Helper()
	if err := l.Send(t.Context(), channel, m); err != nil {
		t.Fatalf("send %.200v: %v", m, err)
	}
	return receive(t, l, channel)
}

// same compares a value that was received with what it ought to be. Unlike for reflect.DeepEqual NaN is NaN.
func same(got, want any) bool {
	switch want := want.(type) {
	case float64:
		got, ok := got.(float64)
		return ok && (got == want && math.Signbit(got) == math.Signbit(want) || math.IsNaN(got) && math.IsNaN(want))
	case []byte:
		got, ok := got.([]byte)
		return ok && bytes.Equal(got, want)
	case []any:
		got, ok := got.([]any)
		return ok && slices.EqualFunc(got, want, same)
	case map[string]any:
		got, ok := got.(map[string]any)
		if !ok || len(got) != len(want) {
			return false
		}
		for k := range want {
			if v, ok := got[k]; !ok || !same(v, want[k]) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(got, want)
}

// values are of each kind, and how they arrive.
var values = []struct{ sent, want any }{
	{nil, nil},
	{true, true},
	{false, false},
	{"", ""},
	{"chat.message", "chat.message"},
	{"茶馆 🍵 é\u0301", "茶馆 🍵 é\u0301"},
	{"\x00\n\t\"\\\u2028</\x7f", "\x00\n\t\"\\\u2028</\x7f"},
	{strings.Repeat("s", 31), strings.Repeat("s", 31)},
	{strings.Repeat("s", 32), strings.Repeat("s", 32)},
	{strings.Repeat("s", 255), strings.Repeat("s", 255)},
	{strings.Repeat("s", 256), strings.Repeat("s", 256)},
	{strings.Repeat("s", 1<<16), strings.Repeat("s", 1<<16)},
	{int8(-7), int64(-7)},
	{int16(-300), int64(-300)},
	{int32(-70000), int64(-70000)},
	{uint8(200), int64(200)},
	{uint16(60000), int64(60000)},
	{uint32(4e9), int64(4e9)},
	{uint(7), int64(7)},
	{uint64(7), int64(7)},
	{uint64(math.MaxInt64), int64(math.MaxInt64)},
	{uint64(1 << 63), uint64(1 << 63)},
	{uint64(math.MaxUint64), uint64(math.MaxUint64)},
	{float32(0.5), 0.5},
	{0.1, 0.1},
	{1.0, 1.0},
	{-2.0, -2.0},
	{math.Copysign(0, -1), math.Copysign(0, -1)},
	{1e100, 1e100},
	{1e16, 1e16},
	{-1e-7, -1e-7},
	{float64(1 << 62), float64(1 << 62)},
	{math.MaxFloat64, math.MaxFloat64},
	{math.SmallestNonzeroFloat64, math.SmallestNonzeroFloat64},
	{math.NaN(), math.NaN()},
	{math.Inf(1), math.Inf(1)},
	{math.Inf(-1), math.Inf(-1)},
	{[]any{}, []any{}},
	{[]any(nil), []any{}},
	{[]string{"a", "b"}, []any{"a", "b"}},
	{[]any{1, "a", nil, 1.5}, []any{int64(1), "a", nil, 1.5}},
	{map[string]any{}, map[string]any{}},
	{map[string]any(nil), map[string]any{}},
	{map[string]any{"": "empty key", "键": nil}, map[string]any{"": "empty key", "键": nil}},
	{
		channels.Message{"type": "inner", "list": []any{map[string]any{"x": []string{"y"}}}},
		map[string]any{"type": "inner", "list": []any{map[string]any{"x": []any{"y"}}}},
	},
	{make([]any, 16), make([]any, 16)},
	{make([]any, 1<<16), make([]any, 1<<16)},
}

func testValues(t *testing.T, b Backend) {
	l := b.open(t, Options{})
	channel := newChannel(t, l)
	all := slices.Clone(values)
	for _, n := range []int64{0, 31, 127, 128, 255, 256, 65535, 65536, math.MaxUint32, math.MaxUint32 + 1, math.MaxInt64} {
		all = append(all, struct{ sent, want any }{n, n}, struct{ sent, want any }{int(-n - 1), -n - 1})
	}
	for _, v := range all {
		got := pass(t, l, channel, channels.Message{"type": "test.message", "v": v.sent})
		if !same(map[string]any(got), map[string]any{"type": "test.message", "v": v.want}) {
			t.Errorf("%T %.100v: got %.200v, %T, want %T %.100v", v.sent, v.sent, got, got["v"], v.want, v.want)
		}
	}
}

func testBytes(t *testing.T, b Backend) {
	l := b.open(t, Options{})
	channel := newChannel(t, l)
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for _, v := range [][]byte{nil, {}, {0}, []byte("text"), all[:255], all, bytes.Repeat(all, 256)} {
		m := channels.Message{"v": v, "in": map[string]any{"list": []any{v}}}
		if b.NoBytes {
			if err := l.Send(t.Context(), channel, m); !errors.Is(err, channels.ErrMessage) {
				t.Errorf("send of []byte: got %v, want ErrMessage", err)
			}
			continue
		}
		if got := pass(t, l, channel, m); !same(map[string]any(got), map[string]any{"v": v, "in": map[string]any{"list": []any{v}}}) {
			t.Errorf("%d bytes: got %.100v", len(v), got)
		}
	}
}

func testEmpty(t *testing.T, b Backend) {
	l := b.open(t, Options{})
	channel := newChannel(t, l)
	join(t, l, "room", channel)
	for _, m := range []channels.Message{nil, {}} {
		if got := pass(t, l, channel, m); len(got) != 0 {
			t.Errorf("empty message: got %v", got)
		}
		if err := l.GroupSend(t.Context(), "room", m); err != nil {
			t.Fatalf("group send of an empty message: %v", err)
		}
		if got := receive(t, l, channel); len(got) != 0 {
			t.Errorf("empty message to a group: got %v", got)
		}
	}
}

// nested is a message with slices and maps in each other, depth of them.
func nested(depth int) channels.Message {
	v := any([]any{})
	for d := range depth - 1 {
		if d%2 == 0 {
			v = map[string]any{"v": v}
		} else {
			v = []any{v}
		}
	}
	return channels.Message{"v": v}
}

func testDeep(t *testing.T, b Backend) {
	l := b.open(t, Options{})
	channel := newChannel(t, l)
	for _, depth := range []int{1, 2, channels.MaxDepth} {
		if m := nested(depth); !same(map[string]any(pass(t, l, channel, m)), map[string]any(m)) {
			t.Errorf("message of depth %d didn't arrive as it was", depth)
		}
	}
	if err := l.Send(t.Context(), channel, nested(channels.MaxDepth+1)); !errors.Is(err, channels.ErrMessage) {
		t.Errorf("message of depth %d: got %v, want ErrMessage", channels.MaxDepth+1, err)
	}
}

func testLarge(t *testing.T, b Backend) {
	l := b.open(t, Options{})
	channel := newChannel(t, l)
	join(t, l, "room", channel)
	for _, size := range []int{64 << 10, 1 << 20, 1<<20 + 1, 3<<20 + 17} {
		want := strings.Repeat("0123456789abcde\n", size/16+1)[:size]
		if got := pass(t, l, channel, channels.Message{"text": want}); got.Str("text") != want {
			t.Errorf("text of %d bytes: got %d, or others", size, len(got.Str("text")))
		}
		if err := l.GroupSend(t.Context(), "room", channels.Message{"text": want}); err != nil {
			t.Fatalf("group send of %d bytes: %v", size, err)
		}
		if got := receive(t, l, channel); got.Str("text") != want {
			t.Errorf("text of %d bytes to a group: got %d, or others", size, len(got.Str("text")))
		}
	}
}

func testBadMessages(t *testing.T, b Backend) {
	l := b.open(t, Options{})
	channel := newChannel(t, l)
	join(t, l, "room", channel)
	bad := []channels.Message{{channels.ReservedKey: "x"}, {"bad\xff": 1}}
	for _, v := range []any{
		struct{}{},
		time.Now(), time.Second, 1i,
		[]int{1},
		map[int]any{1: 1},
		map[string]string{},
		&struct{}{}, errors.New("e"), make(chan int), func() {},
		"bad\xff",
		[]string{"bad\xff"},
		map[string]any{"bad\xff": 1},
	} {
		bad = append(bad, channels.Message{"v": v}, channels.Message{"in": []any{map[string]any{"v": v}}})
	}
	for _, m := range bad {
		for group, err := range map[string]error{
			"": l.Send(t.Context(), channel, m), "room": l.GroupSend(t.Context(), "room", m), "nobody": l.GroupSend(t.Context(), "nobody", m),
		} {
			if !errors.Is(err, channels.ErrMessage) {
				t.Errorf("send %v to a channel or the group %q: got %v, want ErrMessage", m, group, err)
			}
		}
	}
	silent(t, l, channel)
}

func testOwnCopies(t *testing.T, b Backend) {
	l := b.open(t, Options{})
	one, two, three := newChannel(t, l), newChannel(t, l), newChannel(t, l)
	join(t, l, "room", one, two, three)
	inner, list := map[string]any{"x": 1}, []any{"a", map[string]any{"y": 2}}
	m := channels.Message{"inner": inner, "list": list}
	want := map[string]any{"inner": map[string]any{"x": int64(1)}, "list": []any{"a", map[string]any{"y": int64(2)}}}
	spoil := func(inner map[string]any, list []any) {
		inner["x"], inner["new"], list[0] = "spoiled", true, "spoiled"
		list[1].(map[string]any)["y"] = "spoiled"
	}
	if err := l.GroupSend(t.Context(), "room", m); err != nil {
		t.Fatal(err)
	}
	if err := l.Send(t.Context(), one, m); err != nil {
		t.Fatal(err)
	}
	spoil(inner, list)
	for _, channel := range []string{one, two, three, one} {
		got := receive(t, l, channel)
		if !same(map[string]any(got), want) {
			t.Fatalf("message from %s: got %v, want %v", channel, got, want)
		}
		spoil(got["inner"].(map[string]any), got["list"].([]any))
	}
}
