package redislayer_test

import (
	"context"
	"flag"
	"fmt"
	"hash/fnv"
	"log/slog"
	"testing"

	"go.uber.org/goleak"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/channels/channelstest/layertest"
	"github.com/teahouse-chat/teahouse/channels/redislayer"
	"github.com/teahouse-chat/teahouse/internal/redistest"
)

func TestMain(m *testing.M) {
	flag.Parse()
	flag.Set("test.parallel", "16") // most tests wait for Redis to come back, or for something to expire
	goleak.VerifyTestMain(m)
}

// quiet is a logger for tests in which Redis goes away.
var quiet = slog.New(slog.DiscardHandler)

// hosts are those of servers.
func hosts(servers ...*redistest.Server) []redislayer.Host {
	var list []redislayer.Host
	for _, s := range servers {
		list = append(list, redislayer.Host{URL: s.URL()})
	}
	return list
}

func newCore(t testing.TB, o *redislayer.Options) *redislayer.Core {
	t.Helper()
	l, err := redislayer.NewCore(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func newPubSub(t testing.TB, o *redislayer.Options) *redislayer.PubSub {
	t.Helper()
	l, err := redislayer.NewPubSub(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// kinds are the two layers, for tests that both pass.
var kinds = map[string]func(testing.TB, *redislayer.Options) channels.Layer{
	"core":   func(t testing.TB, o *redislayer.Options) channels.Layer { return newCore(t, o) },
	"pubsub": func(t testing.TB, o *redislayer.Options) channels.Layer { return newPubSub(t, o) },
}

func TestLayersKeepTheContract(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		servers int
		redislayer.Options
	}{
		"msgpack":        {1, redislayer.Options{}},
		"json encrypted": {1, redislayer.Options{Serializer: redislayer.JSON, SymmetricEncryptionKeys: []string{"new", "old"}}},
		"two hosts":      {2, redislayer.Options{SymmetricEncryptionKeys: []string{"key"}}},
	} {
		for kind, open := range kinds {
			if kind == "pubsub" && c.servers > 1 {
				continue // a channel and a group on two hosts have no common order
			}
			t.Run(kind+" "+name, func(t *testing.T) {
				t.Parallel()
				var servers []*redistest.Server
				for range c.servers {
					servers = append(servers, redistest.Start(t))
				}
				b := layertest.Backend{
					New: func(t *testing.T, lo layertest.Options) channels.Layer {
						o := c.Options
						o.Hosts, o.Logger = hosts(servers...), quiet
						if kind == "core" { // nothing is stored in the other
							o.Prefix = prefix(t)
						}
						o.Capacity, o.ChannelCapacity, o.Expiry, o.GroupExpiry, o.Losses = lo.Capacity, lo.ChannelCapacity, lo.Expiry, lo.GroupExpiry, lo.Losses
						return open(t, &o)
					},
					Shared: true, LateFull: true, NoBytes: c.Serializer == redislayer.JSON,
				}
				if kind == "core" && c.servers > 1 { // open channels are spread over the hosts, each of which has its order and its capacity
					b.NoOpenChannels = true
				}
				if kind == "pubsub" {
					b.NoOpenChannels, b.NoExpiry, b.NameStart = true, true, "asgi"
				}
				layertest.Run(t, b)
			})
		}
	}
}

// prefix is one that no other test uses.
func prefix(t testing.TB) string {
	h := fnv.New64a()
	h.Write([]byte(t.Name()))
	return fmt.Sprintf("t%x", h.Sum64())
}
