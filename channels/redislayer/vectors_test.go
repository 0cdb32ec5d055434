package redislayer

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/teahouse-chat/teahouse/channels"
)

// vectors are what Python's channels_redis wrote; testdata/channels_redis_vectors.json says which versions of it.
type vectors struct {
	Hash []struct {
		Value   string         `json:"value"`
		ShardOf map[string]int `json:"shard_of"`
	} `json:"hash"`
	Names struct {
		Groups   []nameVector `json:"groups"`
		Channels []nameVector `json:"channels"`
	} `json:"names"`
	Capacity struct {
		Default int `json:"default"`
		Rules   []struct {
			Kind, Pattern string
			Capacity      int
		} `json:"rules_in_order"`
		Cases []struct {
			Channel  string
			Capacity int
		} `json:"cases"`
	} `json:"capacity"`
	Sets []vectorSet `json:"sets"`
}

type nameVector struct {
	Name  string
	Valid bool
}

type vectorSet struct {
	CoreSend      []messageVector `json:"core_send"`
	CoreGroupSend struct {
		Group    string `json:"group"`
		Members  []string
		Message  tagged
		GroupKey keyVector `json:"group_key"`
		After    []keyVector
	} `json:"core_group_send"`
	CoreOtherPrefix struct {
		Prefix string
		After  []keyVector
	} `json:"core_other_prefix"`
	CoreInflight struct {
		Channel  string
		Queued   []keyVector
		Received tagged
	} `json:"core_inflight"`
	CoreEncrypted      []messageVector `json:"core_encrypted"`
	CoreJSONSerializer []messageVector `json:"core_json_serializer"`
	CoreTwoHosts       []struct {
		Group         string
		Channel       string
		GroupKeyShard int `json:"group_key_shard"`
		ByGroupSend   int `json:"message_shard_by_group_send"`
		ReceiveShard  int `json:"receive_shard"`
	} `json:"core_two_hosts"`
	PubsubPublish          []messageVector `json:"pubsub_publish"`
	PubsubEncrypted        []messageVector `json:"pubsub_encrypted"`
	PubsubEncryptedIgnored *messageVector  `json:"pubsub_encrypted_ignored"`
}

type messageVector struct {
	Name, Channel, Op, To string
	Message               tagged
	Error                 string
	Keys                  []string `json:"symmetric_encryption_keys"`
	Key, Score            string
	Value, Body, Payload  hexBytes
	Plaintext             hexBytes
	RedisChannel          string `json:"redis_channel"`
	Fernet                struct {
		Timestamp  int64
		IV         hexBytes
		Token      string
		Ciphertext hexBytes
	}
}

type keyVector struct {
	Key     string
	TTL     int
	Entries []struct {
		Score, Channel string
		Member, Body   hexBytes
	}
}

type hexBytes []byte

func (h *hexBytes) UnmarshalJSON(text []byte) (err error) {
	*h, err = hex.DecodeString(strings.Trim(string(text), `"`))
	return err
}

// tagged is a message as the vectors write it; bytesKey says that it has a map with a key that is bytes, which no Message has.
type tagged struct {
	message  map[string]any
	bytesKey bool
}

func (m *tagged) UnmarshalJSON(text []byte) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return err
	}
	m.message, _ = m.untag(v).(map[string]any)
	return nil
}

func (m *tagged) untag(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return n
		}
		n, _ := strconv.ParseUint(v.String(), 10, 64)
		return n
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = m.untag(v[i])
		}
		return list
	case map[string]any:
		if text, ok := v["$bytes"].(string); ok {
			b, _ := hex.DecodeString(text)
			return b
		}
		if text, ok := v["$float"].(string); ok {
			f, _ := strconv.ParseFloat(text, 64)
			return f
		}
		c := map[string]any{}
		if entries, ok := v["$map"].([]any); ok {
			m.bytesKey = true
			for _, e := range entries {
				pair := e.([]any)
				c[string(m.untag(pair[0]).([]byte))] = m.untag(pair[1])
			}
			return c
		}
		for k := range v {
			c[k] = m.untag(v[k])
		}
		return c
	}
	return v
}

func readVectors(t testing.TB) vectors {
	t.Helper()
	text, err := os.ReadFile("testdata/channels_redis_vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Hash) == 0 || len(v.Sets) != 2 || len(v.Sets[0].CoreSend) == 0 || len(v.Sets[1].PubsubEncrypted) == 0 {
		t.Fatal("the vectors aren't what this test reads")
	}
	return v
}

// same compares values; a NaN is like another one, and 0.0 is unlike -0.0.
func same(a, b any) bool {
	switch a := a.(type) {
	case float64:
		b, ok := b.(float64)
		return ok && (math.Float64bits(a) == math.Float64bits(b) || a != a && b != b)
	case []byte:
		b, ok := b.([]byte)
		return ok && bytes.Equal(a, b)
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, same)
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k, v := range a {
			if w, ok := b[k]; !ok || !same(v, w) {
				return false
			}
		}
		return true
	}
	return a == b
}

// checkBody sees that a body says the message to whom, and that we write it with the same bytes but for the order of keys, which Go's maps don't keep.
func checkBody(t *testing.T, w *wire, body []byte, want tagged, to any) {
	t.Helper()
	m, addressed, err := w.message(body)
	if err != nil {
		t.Fatalf("read %q: %v", body, err)
	}
	var names []string
	switch to := to.(type) {
	case string:
		names = []string{to}
	case []string:
		names = to
	}
	if !same(map[string]any(m), want.message) || !slices.Equal(addressed, names) {
		t.Errorf("read %q: got %v to %q, want %v to %q", body, m, addressed, want.message, names)
	}
	if want.bytesKey {
		return // we have read the key as a string, and would write it as one
	}
	p, err := w.pack(want.message)
	if err != nil {
		t.Fatalf("write %v: %v", want.message, err)
	}
	ours := w.appendMessage(nil, p, to)
	if sorted(ours) != sorted(body) {
		t.Errorf("write %v: got %q, want %q or the same in another order", want.message, ours, body)
	}
	if again, _, err := w.message(ours); err != nil || !same(map[string]any(again), want.message) {
		t.Errorf("read what was written for %v: got %v, %v", want.message, again, err)
	}
	if oneKeyed(want.message) && to == nil && !bytes.Equal(ours, body) {
		t.Errorf("write %v: got %q, want %q", want.message, ours, body)
	}
}

func sorted(b []byte) string {
	b = slices.Clone(b)
	slices.Sort(b)
	return string(b)
}

// oneKeyed reports whether there is only one order to write a value in.
func oneKeyed(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		for _, e := range v {
			if !oneKeyed(e) {
				return false
			}
		}
		return len(v) <= 1
	case []any:
		return !slices.ContainsFunc(v, func(e any) bool { return !oneKeyed(e) })
	}
	return true
}

// testWire is a wire with these options.
func testWire(t testing.TB, o Options) *wire {
	t.Helper()
	s, err := resolve(&o)
	if err != nil {
		t.Fatal(err)
	}
	return newWire(s)
}

func TestNamesBelongToTheHostsThatPythonThinks(t *testing.T) {
	v := readVectors(t)
	for _, h := range v.Hash {
		for n, want := range h.ShardOf {
			hosts, _ := strconv.Atoi(n)
			if got := shard(h.Value, hosts); got != want {
				t.Errorf("%q of %s hosts: got %d, want %d", h.Value, n, got, want)
			}
		}
	}
	for _, set := range v.Sets {
		for _, c := range set.CoreTwoHosts {
			group, queue := shard(c.Group, 2), shard(nonLocal(c.Channel), 2)
			if group != c.GroupKeyShard || queue != c.ByGroupSend || queue != c.ReceiveShard {
				t.Errorf("group %s and channel %s: got %d and %d, want %d and %d", c.Group, c.Channel, group, queue, c.GroupKeyShard, c.ReceiveShard)
			}
		}
	}
}

func TestNamesAreThoseOfPythonThatAreASCII(t *testing.T) {
	v := readVectors(t)
	check := func(names []nameVector, check func(string) error) {
		for _, n := range names {
			ascii := !strings.ContainsFunc(n.Name, func(r rune) bool { return r > 127 || r == '\n' })
			if got, want := check(n.Name) == nil, n.Valid && ascii; got != want {
				t.Errorf("%q: got %v, want %v", n.Name, got, want)
			}
		}
	}
	check(v.Names.Groups, channels.CheckGroup)
	check(v.Names.Channels, channels.CheckChannel)
}

func TestCapacitiesAreThoseOfPython(t *testing.T) {
	v := readVectors(t)
	o := Options{Capacity: v.Capacity.Default}
	for _, r := range v.Capacity.Rules {
		rule := channels.CapacityRule{Pattern: r.Pattern, Capacity: r.Capacity}
		if r.Kind == "regex" {
			rule = channels.CapacityRule{Regexp: regexp.MustCompile(r.Pattern), Capacity: r.Capacity}
		}
		o.ChannelCapacity = append(o.ChannelCapacity, rule)
	}
	s, err := resolve(&o)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range v.Capacity.Cases {
		if got := s.capacities.Of(c.Channel); got != c.Capacity {
			t.Errorf("%s: got %d, want %d", c.Channel, got, c.Capacity)
		}
	}
}
