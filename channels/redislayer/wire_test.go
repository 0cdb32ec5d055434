package redislayer

import (
	"bytes"
	"encoding/base64"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fernet/fernet-go"

	"github.com/teahouse-chat/teahouse/channels"
)

func TestCoreMessagesAreThoseOfPython(t *testing.T) {
	for _, set := range readVectors(t).Sets {
		w := testWire(t, Options{})
		for _, v := range set.CoreSend {
			var to any
			if channels.IsLocal(v.Channel) {
				to = v.Channel
			}
			if v.Key != "asgi"+nonLocal(v.Channel) {
				t.Errorf("%s: the key is %s", v.Channel, v.Key)
			}
			body, err := w.open(string(v.Value))
			if err != nil || !bytes.Equal(body, v.Body) {
				t.Errorf("%s: got the body %q, %v", v.Name, body, err)
			}
			checkBody(t, w, v.Body, v.Message, to)
		}
		g := set.CoreGroupSend
		if g.GroupKey.Key != "asgi"+groupInfix+g.Group {
			t.Errorf("the group's key is %s", g.GroupKey.Key)
		}
		var members []string
		for _, e := range g.GroupKey.Entries {
			members = append(members, e.Channel)
		}
		checkQueues(t, w, "asgi", members, g.Message, g.After)
		o := set.CoreOtherPrefix
		checkQueues(t, w, o.Prefix, []string{"c"}, tagged{message: map[string]any{"type": "t"}}, o.After[1:])
		checkBody(t, w, set.CoreInflight.Queued[0].Entries[0].Member[12:], set.CoreInflight.Received, set.CoreInflight.Channel)
	}
}

// checkQueues sees that a group's message is put together for its members as Python did.
func checkQueues(t *testing.T, w *wire, prefix string, members []string, m tagged, after []keyVector) {
	t.Helper()
	s, err := resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	queues := (&Core{opts: s, wire: w}).queues(members)
	if len(queues) != len(after) {
		t.Fatalf("got %d queues, want %d", len(queues), len(after))
	}
	for _, q := range queues {
		found := false
		for _, k := range after {
			if k.Key == prefix+q.nonLocal {
				found = true
				checkBody(t, w, k.Entries[0].Member[12:], m, q.members)
			}
		}
		if !found {
			t.Errorf("Python wrote to no key %s", prefix+q.nonLocal)
		}
	}
}

func TestPubSubMessagesAreThoseOfPython(t *testing.T) {
	for _, set := range readVectors(t).Sets {
		w := testWire(t, Options{})
		for _, v := range set.PubsubPublish {
			prefix, _, _ := strings.Cut(v.RedisChannel, pubsubInfix)
			if v.Op == "group_send" && v.RedisChannel != prefix+pubsubInfix+v.To || v.Op == "send" && v.RedisChannel != v.To {
				t.Errorf("%s to %s: the Redis channel is %s", v.Op, v.To, v.RedisChannel)
			}
			checkBody(t, w, v.Payload, v.Message, nil)
		}
		if v := set.PubsubEncryptedIgnored; v != nil {
			checkBody(t, w, v.Payload, v.Message, nil)
		}
	}
}

func TestJSONIsThatOfPython(t *testing.T) {
	for _, v := range readVectors(t).Sets[1].CoreJSONSerializer {
		w := testWire(t, Options{Serializer: JSON})
		if v.Error == "" {
			checkBody(t, w, v.Body, v.Message, nil)
			checkBody(t, w, w.appendMessage(nil, mustPack(t, w, v.Message.message), []string{"a!b", "c"}), v.Message, []string{"a!b", "c"})
			continue
		}
		if v.Message.bytesKey {
			continue // no Message is like that
		}
		if _, err := w.pack(v.Message.message); !errors.Is(err, channels.ErrMessage) {
			t.Errorf("%s, which Python refuses: got %v, want ErrMessage", v.Name, err)
		}
	}
}

func mustPack(t testing.TB, w *wire, m map[string]any) packed {
	t.Helper()
	p, err := w.pack(m)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestFloatsAreWrittenAsPythonWritesThem(t *testing.T) {
	for f, want := range map[float64]string{
		1: "1.0", 1e15: "1000000000000000.0", 1e16: "1e+16", 123456789012345680: "1.2345678901234568e+17", 0.0001: "0.0001", 0.00001: "1e-05",
		-1.5e-7: "-1.5e-07", 1e300: "1e+300", 0.1: "0.1", math.MaxFloat64: "1.7976931348623157e+308",
	} {
		if got := string(appendJSONFloat(nil, f)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestJSONThatPythonReadsIsRead(t *testing.T) {
	for text, want := range map[string]any{
		`{"v": 1.0}`: 1.0, `{"v":1e2}`: 100.0, ` { "v" : -0 } `: int64(0), `{"v": 18446744073709551615}`: uint64(math.MaxUint64), `{"v":[]}`: []any{},
		`{"v": [1,[2 , {}]]}`: []any{int64(1), []any{int64(2), map[string]any{}}}, `{"v":"\ud83c\udf89\n\u0000"}`: "🎉\n\x00", `{"v":1,"v":2}`: int64(2),
		`{"v":-Infinity}`: math.Inf(-1), `{"v":1e999}`: math.Inf(1), "{\"v\":\t\"房间\"}": "房间",
	} {
		got, err := pythonJSON{}.read([]byte(text))
		if err != nil || !same(got["v"], want) {
			t.Errorf("%s: got %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{
		``, `{`, `[]`, `1`, `{"v"}`, `{"v":}`, `{"v":1,}`, `{,}`, `{"v":01}`, `{"v":+1}`, `{"v":.5}`, `{"v":0x1}`, `{"v":1_0}`, `{"v":tru}`, `{"v":"\ud83c"}`,
		`{"v":"\x"}`, "{\"v\":\"\n\"}", "{\"v\":\"\xff\"}", `{"v":18446744073709551616}`, `{"v":-9223372036854775809}`, `{"v":[1,]}`, `{"v":1}x`, `{"v":nan}`, `{1:2}`, `{"v":'a'}`,
	} {
		if got, err := (pythonJSON{}).read([]byte(text)); err == nil {
			t.Errorf("%s: got %v, want an error", text, got)
		}
	}
}

func TestPythonsTokensAreReadAsLongAsPythonReadsThem(t *testing.T) {
	for _, set := range readVectors(t).Sets {
		for _, v := range set.CoreEncrypted {
			synctest.Test(t, func(t *testing.T) {
				w := testWire(t, Options{SymmetricEncryptionKeys: v.Keys})
				w.maxAge = time.Minute + readSkew
				time.Sleep(time.Until(time.Unix(v.Fernet.Timestamp, 0)))
				body, err := w.open(string(v.Value))
				if err != nil || !bytes.Equal(body, v.Plaintext) {
					t.Fatalf("%s: got %q, %v", v.Name, body, err)
				}
				checkBody(t, w, body, v.Message, nil)
				checkToken(t, w, v)
				if _, err := testWire(t, Options{SymmetricEncryptionKeys: []string{"another"}}).open(string(v.Value)); err == nil {
					t.Error("another key opened it")
				}
				rotated := testWire(t, Options{SymmetricEncryptionKeys: append([]string{"newer"}, v.Keys...)})
				if _, err := rotated.open(string(v.Value)); err != nil {
					t.Errorf("with a newer key before it: %v", err)
				}
				time.Sleep(70 * time.Second)
				if _, err := w.open(string(v.Value)); err != nil {
					t.Errorf("after 70 s: %v", err)
				}
				time.Sleep(time.Second)
				if _, err := w.open(string(v.Value)); err == nil {
					t.Error("after 71 s it was read")
				}
			})
		}
		for _, v := range set.PubsubEncrypted {
			w := testWire(t, Options{SymmetricEncryptionKeys: v.Keys})
			body, err := w.unseal(v.Payload)
			if err != nil {
				t.Fatalf("%s: %v", v.Name, err)
			}
			checkBody(t, w, body, v.Message, nil)
		}
	}
}

// checkToken sees that our token of a plaintext is made as Python's: all but the initialisation vector, which is random, and what follows from it.
func checkToken(t *testing.T, w *wire, v messageVector) {
	t.Helper()
	token, err := w.seal(v.Plaintext)
	if err != nil || len(token) != len(v.Fernet.Token) {
		t.Fatalf("seal: got %q, %v; want %d bytes", token, err, len(v.Fernet.Token))
	}
	ours, err := base64.URLEncoding.DecodeString(string(token))
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := base64.URLEncoding.DecodeString(v.Fernet.Token)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(ours[:9], theirs[:9]) { // the version and the time
		t.Errorf("got a token that begins with %x, want %x", ours[:9], theirs[:9])
	}
	if back := fernet.VerifyAndDecrypt(token, time.Minute, w.keys); !bytes.Equal(back, v.Plaintext) {
		t.Errorf("our token has %q, want %q", back, v.Plaintext)
	}
}

func TestGarbageIsRefused(t *testing.T) {
	deep := func(open, end string, n int) string { return strings.Repeat(open, n) + end }
	for name, body := range map[string]string{
		"nothing": "", "not a map": "\x93\x01\x02\x03", "a nil": "\xc0", "truncated map": "\x82\xa1a\x01", "truncated string": "\x81\xa5ab", "bytes follow": "\x80\x80",
		"huge map": "\xdf\xff\xff\xff\xff", "huge list": "\x81\xa1a\xdd\xff\xff\xff\xff", "huge string": "\x81\xa1a\xdb\xff\xff\xff\xff", "huge bytes": "\x81\xa1a\xc6\xff\xff\xff\xff",
		"an integer for a key": "\x81\x01\x01", "a nil for a key": "\x81\xc0\x01", "bad UTF-8": "\x81\xa1a\xa1\xff", "a bad key": "\x81\xa1\xff\x01", "a bad key of bytes": "\x81\xc4\x01\xff\x01",
		"a timestamp": "\x81\xa1a\xd6\xff\x00\x00\x00\x00", "an extension": "\x81\xa1a\xd4\x05\x00", "a reserved byte": "\x81\xa1a\xc1", "too deep": "\x81\xa1a" + deep("\x91", "\xc0", 600),
		"too deep a map": "\x81\xa1a" + deep("\x81\xa1a", "\xc0", 600),
	} {
		if m, err := (msgpack{}).read([]byte(body)); err == nil {
			t.Errorf("%s: got %v, want an error", name, m)
		}
	}
	if m, err := (pythonJSON{}).read([]byte(`{"a":` + deep("[", "1", 600) + strings.Repeat("]", 600) + "}")); err == nil {
		t.Errorf("JSON that is too deep: got %v, want an error", m)
	}
	w := testWire(t, Options{})
	for name, value := range map[string]string{"no message": "", "only random bytes": "123456789012", "too large": strings.Repeat("x", maxBody+13)} {
		if body, err := w.open(value); err == nil {
			if m, _, err := w.message(body); err == nil {
				t.Errorf("%s: got %v, want an error", name, m)
			}
		}
	}
}

func TestASmallMessageTakesLittleMemory(t *testing.T) {
	for name, body := range map[string][]byte{
		"maps":  append([]byte("\x81\xa1a\xdd\x00\x80\x00\x00"), bytes.Repeat([]byte{0x80}, 0x800000)...),
		"lists": append([]byte("\x81\xa1a\xdd\x00\xff\xff\xff"), bytes.Repeat([]byte{0x90}, 0xffffff)...),
	} {
		if _, err := (msgpack{}).read(body); !errors.Is(err, errTooLarge) {
			t.Errorf("%s that take much more memory than bytes: got %v, want errTooLarge", name, err)
		}
	}
	p := parser{text: []byte(`{"a":[` + strings.Repeat("1,", 100) + "1]}"), budget: 100 * listEntry}
	if _, err := p.value(0); !errors.Is(err, errTooLarge) {
		t.Errorf("JSON that takes more memory than it may: got %v, want errTooLarge", err)
	}
}

func TestWhatNobodyCouldReadIsNotWritten(t *testing.T) {
	nested := func(n int) any {
		var v any = "deep"
		for range n {
			v = []any{v}
		}
		return v
	}
	for _, o := range []Options{{}, {Serializer: JSON}} {
		w := testWire(t, o)
		for name, m := range map[string]channels.Message{
			"a struct": {"v": struct{}{}}, "a time": {"v": time.Now()}, "bad UTF-8": {"v": "\xff"}, "a bad key": {"\xff": 1}, "a bad key inside": {"v": map[string]any{"\xff": 1}},
			"the reserved key": {channels.ReservedKey: "x"}, "too deep": {"v": nested(channels.MaxDepth)}, "too large": {"v": strings.Repeat("x", maxMessage)},
			"a list of structs": {"v": []any{struct{}{}}}, "bad UTF-8 in a list": {"v": []string{"\xff"}},
		} {
			if _, err := w.pack(m); !errors.Is(err, channels.ErrMessage) {
				t.Errorf("%s: got %v, want ErrMessage", name, err)
			}
		}
		p := mustPack(t, w, channels.Message{"v": nested(channels.MaxDepth - 1)})
		if _, _, err := w.message(w.appendMessage(nil, p, nil)); err != nil {
			t.Errorf("as deep as may be: %v", err)
		}
	}
}

func TestGlobQuoteMatchesOnlyItself(t *testing.T) {
	if got := globQuote(`a*b?c[d]\e`); got != `a\*b\?c\[d]\\e` {
		t.Errorf("got %s", got)
	}
}

func TestTimesOnlyGrow(t *testing.T) {
	var c clock
	last := 0.0
	for range 100_000 {
		now := c.next()
		if now <= last {
			t.Fatalf("%v came after %v", score(now), score(last))
		}
		last = now
	}
	if math.Abs(last-seconds(time.Now())) > 1 {
		t.Errorf("it is %v, and the clock says %v", time.Now(), last)
	}
	if got := score(1795400121.2073388); got != "1795400121.2073388" {
		t.Errorf("a score is written %s", got)
	}
}
