package redislayer_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/channels/redislayer"
	"github.com/teahouse-chat/teahouse/internal/redistest"
)

func TestGarbageIsCountedAndPassedBy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		redislayer.Options
		good string
	}{
		"msgpack":   {redislayer.Options{}, "\x81\xa4type\xa1t"},
		"json":      {redislayer.Options{Serializer: redislayer.JSON}, `{"type": "t"}`},
		"encrypted": {redislayer.Options{SymmetricEncryptionKeys: []string{"key"}}, ""},
	} {
		garbage := []string{"", "\xff\xfe\xfd", "\x82\xa4type", "\x93\x01\x02\x03", "\xdf\xff\xff\xff\xff", strings.Repeat("\x91", 100_000), "gAAAAABrA6xM", "[1]", "{"}
		if name == "encrypted" {
			garbage = append(garbage, "\x81\xa4type\xa1t") // in the clear
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			o := c.Options
			o.Hosts, o.Capacity, o.Logger = hosts(server), 1000, quiet
			core, pubsub := newCore(t, &o), newPubSub(t, &o)
			cc, pc := newChannel(t, core), newChannel(t, pubsub)
			key, _, _ := strings.Cut("asgi"+cc, "!")
			now := time.Now().Unix() // what is old, senders would remove
			for i, g := range garbage {
				server.Do(t, "ZADD", key+"!", now, fmt.Sprintf("%012d", i)+g)
				server.Do(t, "PUBLISH", pc, g)
			}
			server.Do(t, "ZADD", key+"!", now, "short")
			if c.good != "" {
				server.Do(t, "ZADD", key+"!", now, "for whom is it?"[:12]+c.good)
			}
			for l, channel := range map[channels.Layer]string{core: cc, pubsub: pc} {
				if err := l.Send(t.Context(), channel, channels.Message{"type": "good"}); err != nil {
					t.Fatal(err)
				}
				if m := receive(t, l, channel); m.Type() != "good" {
					t.Errorf("behind garbage: got %v", m)
				}
			}
			want := int64(len(garbage) + 1)
			if c.good != "" {
				want++
			}
			if n := core.Losses().Total(channels.LossUndecodable); n != want {
				t.Errorf("core counted %d, want %d", n, want)
			}
			if n := pubsub.Losses().Total(channels.LossUndecodable); n != int64(len(garbage)) {
				t.Errorf("pubsub counted %d, want %d", n, len(garbage))
			}
		})
	}
}

func TestAKeyOfTheWrongTypeIsCleared(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	l := newCore(t, &redislayer.Options{Hosts: hosts(server), Logger: quiet})
	channel := newChannel(t, l)
	key, _, _ := strings.Cut("asgi"+channel, "!")
	server.Do(t, "SET", key+"!", "a string")
	within(t, "it can be sent to again", func() bool { return l.Send(t.Context(), channel, channels.Message{"type": "t"}) == nil })
	receive(t, l, channel)
	server.Do(t, "SET", "asgi:group:room", "a string")
	if err := l.GroupAdd(t.Context(), "room", channel); err == nil || !strings.Contains(err.Error(), "WRONGTYPE") {
		t.Errorf("group add: got %v, want WRONGTYPE", err)
	}
	if err := l.GroupSend(t.Context(), "room", channels.Message{}); err == nil || !strings.Contains(err.Error(), "WRONGTYPE") {
		t.Errorf("group send: got %v, want WRONGTYPE", err)
	}
}
