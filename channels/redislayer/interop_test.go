package redislayer_test

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/internal/redistest"
)

// The other side of these tests is Debian's channels_redis 4.0.0. It has no JSON serializer, and no encryption of the pub/sub layer, both of which came with
// 4.2.1: for these testdata/interop.py brings its own, as newer versions do it. That newer versions do it so is what the captured vectors show.

// payloads are messages that must come through as they are. JSON has no bytes; one host is enough for the large one.
func payloads(config pythonConfig) map[string]channels.Message {
	p := map[string]channels.Message{
		"tutorial": {"type": "xx.oo", "message": map[string]any{"type": "websocket.receive", "text": "hello"}},
		"unicode":  {"type": "t", "text": "来了呀客官 ☕ é \u0000 \U0001f375 \"quoted\" \\ / \u2028", "键": "值"},
		"numbers": {
			"type": "t", "zero": int64(0), "small": int64(-1), "byte": int64(-129), "int": int64(math.MinInt64), "max": int64(math.MaxInt64),
			"uint": uint64(math.MaxUint64), "list": []any{int64(127), int64(128), int64(255), int64(256), int64(65536), int64(1 << 32)},
		},
		"floats":  {"type": "t", "one": 1.0, "tenth": 0.1, "big": 1e300, "tiny": 5e-324, "minus": math.Copysign(0, -1), "inf": math.Inf(1), "less": math.Inf(-1)},
		"nothing": {"type": "t", "null": nil, "yes": true, "no": false, "empty": "", "list": []any{}, "map": map[string]any{}},
		"nested":  {"type": "t", "v": []any{map[string]any{"a": []any{map[string]any{"b": []any{nil, "c", int64(1)}}}}}},
	}
	if len(config.servers) == 1 {
		p["large"] = channels.Message{"type": "t", "text": strings.Repeat("茶馆", 1<<20/6+1)}
	}
	if config.Serializer == "msgpack" {
		p["bytes"] = channels.Message{"type": "t", "none": []byte{}, "some": []byte{0, 0xff, 0x80}, "many": bytes.Repeat([]byte{0xfe}, 70000)}
	}
	return p
}

// onEveryWay runs a test for each layer, serializer, encryption and number of hosts. Rotated keys are the same two on both sides, in another order.
func onEveryWay(t *testing.T, test func(t *testing.T, config pythonConfig, goKeys []string)) {
	t.Helper()
	servers := []*redistest.Server{redistest.Start(t), redistest.Start(t)}
	encryptions := map[string][2][]string{
		"clear": {{}, {}}, "fernet": {{"a"}, {"a"}}, "rotated": {{"a", "b"}, {"b", "a"}},
	}
	for _, layer := range []string{"core", "pubsub"} {
		for _, serializer := range []string{"msgpack", "json"} {
			for encryption, keys := range encryptions {
				for hosts := 1; hosts <= 2; hosts++ {
					name := fmt.Sprintf("%s-%s-%s-%d", layer, serializer, encryption, hosts)
					t.Run(name, func(t *testing.T) {
						t.Parallel()
						test(t, pythonConfig{
							servers: servers[:hosts], Layer: layer, Prefix: name, Keys: keys[0], Serializer: serializer, Capacity: 100,
						}, keys[1])
					})
				}
			}
		}
	}
}

func TestGoAndPythonHearEachOtherInAGroup(t *testing.T) {
	onEveryWay(t, func(t *testing.T, config pythonConfig, keys []string) {
		layer, p := startGo(t, config, keys), startPython(t, config)
		const group = "room-1"
		ours, theirs := member(t, layer, group), []string{p.channel(group), p.channel(group)}
		p.subscribed(config.Prefix+"__group__"+group, 2)
		for name, m := range payloads(config) {
			want := spelled(t, m)
			if err := layer.GroupSend(t.Context(), group, m); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			hears(t, layer, ours, want)
			for _, channel := range theirs {
				if got := p.receive(channel); got != want {
					t.Fatalf("%s from Go: Python got %.300s\nwant %.300s", name, got, want)
				}
			}
			p.groupSend(group, m)
			hears(t, layer, ours, want)
			for _, channel := range theirs {
				if got := p.receive(channel); got != want {
					t.Fatalf("%s from Python: Python got %.300s\nwant %.300s", name, got, want)
				}
			}
		}
		if lost := layer.Losses().All(); len(lost) > 0 {
			t.Errorf("lost %v", lost)
		}
	})
}

func TestGoAndPythonSendToEachOthersChannels(t *testing.T) {
	onEveryWay(t, func(t *testing.T, config pythonConfig, keys []string) {
		layer, p := startGo(t, config, keys), startPython(t, config)
		for i := range 8 { // on two hosts, the hashes of some names are of one and some of the other
			m := channels.Message{"type": "t", "n": int64(i)}
			ours, err := layer.NewChannel(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			p.send(ours, m)
			hears(t, layer, ours, spelled(t, m))
			theirs := p.channel()
			p.subscribed(theirs, 1)
			if err := layer.Send(t.Context(), theirs, m); err != nil {
				t.Fatal(err)
			}
			if got, want := p.receive(theirs), spelled(t, m); got != want {
				t.Fatalf("Python got %s, want %s", got, want)
			}
		}
	})
}

func TestGoAndPythonShareAnOpenChannel(t *testing.T) {
	servers := []*redistest.Server{redistest.Start(t), redistest.Start(t)}
	for hosts := 1; hosts <= 2; hosts++ {
		config := pythonConfig{servers: servers[:hosts], Layer: "core", Prefix: fmt.Sprint("open", hosts), Serializer: "msgpack", Capacity: 100}
		layer, p := startGo(t, config, nil), startPython(t, config)
		var sent, got []string
		for i := range 4 {
			m := channels.Message{"type": "t", "n": int64(i)}
			p.send("to-go", m)
			hears(t, layer, "to-go", spelled(t, m))
			sent = append(sent, spelled(t, m))
			if err := layer.Send(t.Context(), "to-python", m); err != nil {
				t.Fatal(err)
			}
		}
		for range sent { // each call of Python's waits on the next host
			got = append(got, p.receive("to-python"))
		}
		if slices.Sort(got); !slices.Equal(got, sent) {
			t.Errorf("Python got %s, want %s", got, sent)
		}
	}
}

func TestWhatPythonLeavesGoDoesNotReach(t *testing.T) {
	server := redistest.Start(t)
	for _, kind := range []string{"core", "pubsub"} {
		config := pythonConfig{servers: []*redistest.Server{server}, Layer: kind, Prefix: kind, Serializer: "msgpack", Capacity: 100}
		layer, p := startGo(t, config, nil), startPython(t, config)
		stays, leaves := p.channel("g"), p.channel("g")
		p.subscribed(config.Prefix+"__group__g", 1)
		p.do("group_discard", arguments{"group": "g", "channel": leaves})
		m := channels.Message{"type": "t"}
		if err := layer.GroupSend(t.Context(), "g", m); err != nil {
			t.Fatal(err)
		}
		if got, want := p.receive(stays), spelled(t, m); got != want {
			t.Errorf("%s: Python got %s, want %s", kind, got, want)
		}
		if got := p.do("receive", arguments{"channel": leaves, "seconds": 0.1}); got != "null" {
			t.Errorf("%s: who left got %s", kind, got)
		}
	}
}

// bad are values that are no message, by what is wrong with them. A core value has 12 random bytes before its body.
func bad() map[string][]byte {
	random := []byte("twelve bytes")
	body := []byte("\x81\xa4type\xa1t")
	core := func(b ...byte) []byte { return append(bytes.Clone(random), b...) }
	return map[string][]byte{
		"empty":             {},
		"shorter":           []byte("short"),
		"nothing after":     random,
		"random":            bytes.Repeat([]byte{0xc1, 0xff, 0x13}, 40),
		"truncated":         core(body[:len(body)-1]...),
		"longer":            core(append(bytes.Clone(body), 0)...),
		"a list":            core(0x91, 0x01),
		"claims 4 GiB":      core(0xdf, 0xff, 0xff, 0xff, 0xff, 0xa1),
		"claims 4 GiB text": core(0x81, 0xa1, 't', 0xdb, 0xff, 0xff, 0xff, 0xff),
		"too deep":          core(bytes.Repeat([]byte{0x91}, 100000)...),
		"number as key":     core(0x81, 0x01, 0x02),
		"oversized":         core(append([]byte("\x81\xa1t\xc6\x02\x40\x00\x00"), make([]byte, 36<<20)...)...),
	}
}

func TestWhatIsNoMessageIsCountedAndTheNextGoodOneArrives(t *testing.T) {
	server := redistest.Start(t, "--client-output-buffer-limit", "pubsub 0 0 0")
	for _, kind := range []string{"core", "pubsub"} {
		for _, key := range []string{"", "a"} {
			t.Run(kind+key, func(t *testing.T) {
				config := pythonConfig{servers: []*redistest.Server{server}, Layer: kind, Prefix: kind + key, Serializer: "msgpack", Capacity: 100}
				wrong := config
				wrong.Keys = []string{"another key"}
				if key != "" {
					config.Keys = []string{key}
				}
				layer, p, stranger := startGo(t, config, config.Keys), startPython(t, config), startPython(t, wrong)
				ours := member(t, layer, "g")
				counted := int64(0)
				for name, value := range bad() {
					command := []any{"PUBLISH", ours, value}
					if kind == "core" {
						local, _, _ := strings.Cut(ours, "!")
						command = []any{"ZADD", config.Prefix + local + "!", time.Now().Unix(), value}
					}
					server.Do(t, command...)
					stranger.groupSend("g", channels.Message{"type": "of a stranger"})
					counted += 2
					m := channels.Message{"type": "good", "after": name}
					p.groupSend("g", m)
					hears(t, layer, ours, spelled(t, m))
					if got := layer.Losses().Total(channels.LossUndecodable); got != counted {
						t.Fatalf("%s: %d counted, want %d", name, got, counted)
					}
				}
			})
		}
	}
}
