package channels_test

import (
	"errors"
	"log/slog"
	"math"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/teahouse-chat/teahouse/channels"
)

func TestCloneNormalisesAndSharesNothing(t *testing.T) {
	bytes, list := []byte{1}, []any{"a"}
	m := channels.Message{
		"nil": nil, "bool": true, "int": -1, "int8": int8(-8), "int16": int16(16), "int32": int32(32), "int64": int64(math.MinInt64),
		"uint": uint(1), "uint8": uint8(8), "uint16": uint16(16), "uint32": uint32(32), "uint64": uint64(math.MaxUint64), "small": uint64(1),
		"float32": float32(0.5), "float64": math.Inf(1), "string": "茶", "bytes": bytes, "empty": []byte(nil), "list": list,
		"strings": []string{"a"}, "map": map[string]any{"k": list}, "message": channels.Message{"type": "x"},
	}
	want := channels.Message{
		"nil": nil, "bool": true, "int": int64(-1), "int8": int64(-8), "int16": int64(16), "int32": int64(32), "int64": int64(math.MinInt64),
		"uint": int64(1), "uint8": int64(8), "uint16": int64(16), "uint32": int64(32), "uint64": uint64(math.MaxUint64), "small": int64(1),
		"float32": 0.5, "float64": math.Inf(1), "string": "茶", "bytes": []byte{1}, "empty": []byte{}, "list": []any{"a"},
		"strings": []any{"a"}, "map": map[string]any{"k": []any{"a"}}, "message": map[string]any{"type": "x"},
	}
	c, err := m.Clone()
	if err != nil || !reflect.DeepEqual(c, want) {
		t.Errorf("got  %#v, %v\nwant %#v", c, err, want)
	}
	bytes[0], list[0] = 2, "b"
	if !reflect.DeepEqual(c, want) {
		t.Error("the clone has changed with its original")
	}
}

func TestCloneRefusesWhatNoLayerCarries(t *testing.T) {
	deep := any("x")
	for range channels.MaxDepth + 1 {
		deep = []any{deep}
	}
	for name, m := range map[string]channels.Message{
		"a time":         {"at": time.Time{}},
		"a struct below": {"list": []any{map[string]any{"s": struct{}{}}}},
		"a map of ints":  {"m": map[int]string{}},
		"bad UTF-8":      {"s": "\xff"},
		"a bad key":      {"\xff": 1},
		"the layer's":    {channels.ReservedKey: "x"},
		"too deep":       {"deep": deep},
		"a complex":      {"c": 1i},
	} {
		if c, err := m.Clone(); !errors.Is(err, channels.ErrMessage) || c != nil {
			t.Errorf("%s: got %v, %v", name, c, err)
		}
	}
	ok := channels.Message{"deep": deep.([]any)[0].([]any)[0]}
	if _, err := ok.Clone(); err != nil {
		t.Errorf("just deep enough: %v", err)
	}
}

func TestMessagesHaveTypeStringsAndIntegers(t *testing.T) {
	m := channels.Message{"type": "chat.message", "s": "x", "n": 7, "big": uint64(math.MaxUint64), "b": true, "f": 1.5}
	if m.Type() != "chat.message" || m.Str("s") != "x" || m.Str("n") != "" || m.Str("none") != "" {
		t.Errorf("got %q, %q", m.Type(), m.Str("s"))
	}
	m["map"], m["message"] = map[string]any{"s": "y"}, channels.Message{"s": "z"}
	if m.Map("map").Str("s") != "y" || m.Map("message").Str("s") != "z" || m.Map("s").Str("s") != "" || m.Map("none").Map("none") != nil {
		t.Errorf("got %v, %v", m.Map("map"), m.Map("message"))
	}
	if n, ok := m.Int("n"); n != 7 || !ok {
		t.Errorf("got %d, %v", n, ok)
	}
	for _, key := range []string{"big", "b", "f", "s", "none"} {
		if n, ok := m.Int(key); n != 0 || ok {
			t.Errorf("%s: got %d, %v", key, n, ok)
		}
	}
}

func TestNamesAreDjangosInASCII(t *testing.T) {
	long := strings.Repeat("a", channels.MaxName)
	for _, name := range []string{"a", "room-1", "A.b_c-9", long, "..", "-", "_"} {
		if err := channels.CheckGroup(name); err != nil {
			t.Error(err)
		}
		if err := channels.CheckChannel(name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"", " ", "a b", "a:b", "a/b", "a?b", "房间", "３", "é", "a\n", long + "a"} {
		if err := channels.CheckGroup(name); !errors.Is(err, channels.ErrName) {
			t.Errorf("group %q: %v", name, err)
		}
		if err := channels.CheckChannel(name); !errors.Is(err, channels.ErrName) {
			t.Errorf("channel %q: %v", name, err)
		}
	}
	for _, name := range []string{"a!", "a!b", "specific.0123!-_."} {
		if err := channels.CheckChannel(name); err != nil || !channels.IsLocal(name) || channels.CheckGroup(name) == nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"!", "!a", "a!b!c", "a!b c", "a!房"} {
		if err := channels.CheckChannel(name); !errors.Is(err, channels.ErrName) {
			t.Errorf("channel %q: %v", name, err)
		}
	}
}

func TestTheFirstCapacityRuleThatMatchesCounts(t *testing.T) {
	c, err := channels.NewCapacities(50, []channels.CapacityRule{
		{Pattern: "http.request", Capacity: 200},
		{Pattern: "http.response!*", Capacity: 10},
		{Regexp: regexp.MustCompile(`websocket.send\!.+`), Capacity: 20},
		{Pattern: "a[!b]?", Capacity: 7},
		{Pattern: "[x-z]", Capacity: 6},
		{Pattern: "[]^]", Capacity: 8},
		{Pattern: "[open", Capacity: 9},
		{Pattern: "*.any", Capacity: 3},
	})
	if err != nil {
		t.Fatal(err)
	}
	for channel, want := range map[string]int{
		"http.request": 200, "http.request2": 50, "HTTP.request": 50, "http.response!abc": 10, "http.response": 50, "websocket.send!x": 20, "websocket.send!": 50,
		"xwebsocket.send!x": 50, "acd": 7, "abd": 50, "ac": 50, "y": 6, "a": 50, "]": 8, "^": 8, "[open": 9, "a.b.any": 3, ".any": 3,
	} {
		if got := c.Of(channel); got != want {
			t.Errorf("%s: got %d, want %d", channel, got, want)
		}
	}
	for _, bad := range [][]channels.CapacityRule{{{Pattern: "a"}}, {{Pattern: "a", Capacity: -1}}, {{Pattern: "[z-a]", Capacity: 1}}} {
		if _, err := channels.NewCapacities(0, bad); err == nil {
			t.Errorf("%v was taken", bad)
		}
	}
	if _, err := channels.NewCapacities(-1, nil); err == nil {
		t.Error("a capacity of -1 was taken")
	}
}

func TestLossesAreCountedByGroupAndReasonAndSaidOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logged := &lockedBuffer{}
		counted := 0
		l := &channels.Losses{Logger: slog.New(slog.NewTextHandler(logged, nil)), Counted: func(channels.Loss) { counted++ }}
		for range 100 {
			l.Add("a", channels.LossFull, 2)
			l.Add("b", channels.LossFull, 1)
			l.Add("a", channels.LossExpired, 1)
			l.Add("a", channels.LossExpired, 0)
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(2 * time.Second)
		if full, expired := l.Total(channels.LossFull), l.Total(channels.LossExpired); full != 300 || expired != 100 || len(l.All()) != 3 || counted != 300 {
			t.Errorf("counted %d and %d, %v, %d calls", full, expired, l.All(), counted)
		}
		got := logged.String()
		if n := strings.Count(got, "messages lost"); n < 10 || n > 12 {
			t.Errorf("%d records in 12 seconds", n)
		}
		if !strings.Contains(got, `group=a reason="channel full" count=20 total=40`) {
			t.Errorf("logged %s", got)
		}
	})
}

func TestLossesOfManyGroupsTakeBoundedMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &channels.Losses{Logger: slog.New(slog.DiscardHandler)}
		for i := range 5000 {
			l.Add("g"+strings.Repeat("x", i), channels.LossFull, 1)
		}
		time.Sleep(2 * time.Second)
		if n := len(l.All()); n > 1001 || l.Total(channels.LossFull) != 5000 {
			t.Errorf("%d groups are counted apart, %d losses in all", n, l.Total(channels.LossFull))
		}
	})
}
