package redislayer_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/channels/redislayer"
	"github.com/teahouse-chat/teahouse/internal/redistest"
)

// works sees that a message to a group arrives.
func works(t *testing.T, l channels.Layer) {
	t.Helper()
	channel := newChannel(t, l)
	groupAdd(t, l, "room", channel)
	groupSend(t, l, "room", channels.Message{"type": "t"})
	if m := receive(t, l, channel); m.Type() != "t" {
		t.Errorf("got %v", m)
	}
}

func TestLayersConnectAsTheURLSays(t *testing.T) {
	t.Parallel()
	plain, secured, unix := redistest.Start(t), redistest.StartTLS(t), redistest.StartUnix(t)
	locked := redistest.Start(t, "--requirepass", "se/cret?@")
	named := redistest.Start(t)
	named.Do(t, "ACL", "SETUSER", "tea", "on", ">leaf", "~*", "&*", "+@all")
	for name, h := range map[string]redislayer.Host{
		"plain": {URL: plain.URL()}, "a database": {URL: plain.URL() + "/3"}, "a database by option": {URL: plain.URL() + "?db=4"},
		"tls": {URL: secured.URL(), TLS: secured.TLS()}, "unix": {URL: unix.URL()}, "unix with a database": {URL: unix.URL() + "?db=2"},
		"a password":          {URL: strings.Replace(locked.URL(), "redis://", "redis://:se%2Fcret%3F%40@", 1)},
		"a user and password": {URL: strings.Replace(named.URL(), "redis://", "redis://tea:leaf@", 1)},
	} {
		t.Run(name, func(t *testing.T) {
			o := &redislayer.Options{Hosts: []redislayer.Host{h}}
			works(t, newCore(t, o))
			works(t, newPubSub(t, o))
		})
	}
	l := newCore(t, &redislayer.Options{Hosts: []redislayer.Host{{URL: plain.URL() + "/7"}}})
	groupAdd(t, l, "room", "open")
	if info := plain.Do(t, "INFO", "keyspace").(string); !strings.Contains(info, "db7:") {
		t.Errorf("no key is in database 7: %s", info)
	}
}

func TestOptionsThatCannotWorkAreRefusedInWords(t *testing.T) {
	t.Parallel()
	server, locked := redistest.Start(t), redistest.Start(t, "--requirepass", "secret")
	gone := redistest.Start(t)
	gone.Stop()
	secured := redistest.StartTLS(t)
	good := hosts(server)
	host := func(h redislayer.Host) redislayer.Options { return redislayer.Options{Hosts: []redislayer.Host{h}} }
	for want, o := range map[string]redislayer.Options{
		"Expiry 1.5s":                      {Hosts: good, Expiry: 1500 * time.Millisecond},
		"GroupExpiry 1ms":                  {Hosts: good, GroupExpiry: time.Millisecond},
		"capacity -1":                      {Hosts: good, Capacity: -1},
		"capacity 0 of channels x":         {Hosts: good, ChannelCapacity: []channels.CapacityRule{{Pattern: "x"}}},
		"RandomPrefixLength -1":            {Hosts: good, RandomPrefixLength: -1},
		"RejoinInterval -1s":               {Hosts: good, RejoinInterval: -time.Second},
		"Serializer 7":                     {Hosts: good, Serializer: 7},
		"key 2 of SymmetricEncryptionKeys": {Hosts: good, SymmetricEncryptionKeys: []string{"a", ""}},
		"host 2 of 2: it has no URL":       {Hosts: append(hosts(server), redislayer.Host{})},
		"its URL isn't one":                host(redislayer.Host{URL: "redis://:sec%ret@localhost"}),
		`of scheme "http"`:                 host(redislayer.Host{URL: "http://:secret@localhost"}),
		`of scheme "localhost"`:            host(redislayer.Host{URL: "localhost:6379"}),
		`database "x"`:                     host(redislayer.Host{URL: "redis://:secret@localhost/x"}),
		`option "ssl_cert_reqs"`:           host(redislayer.Host{URL: "rediss://:secret@localhost?ssl_cert_reqs=none"}),
		"has no path":                      host(redislayer.Host{URL: "unix://"}),
		"no MasterName":                    host(redislayer.Host{Sentinels: []string{"localhost:26379"}}),
		`Sentinel "localhost"`:             host(redislayer.Host{Sentinels: []string{"localhost"}, MasterName: "tea"}),
		gone.Addr():                        host(redislayer.Host{URL: "redis://:secret@" + gone.Addr()}),
		"WRONGPASS":                        host(redislayer.Host{URL: "redis://:secretive@" + locked.Addr()}),
		"NOAUTH":                           host(redislayer.Host{URL: locked.URL()}),
		"certificate":                      host(redislayer.Host{URL: secured.URL()}),
		"tea of Sentinels " + gone.Addr():  host(redislayer.Host{URL: "redis://:secret@", Sentinels: []string{gone.Addr()}, MasterName: "tea"}),
	} {
		_, core := redislayer.NewCore(t.Context(), &o)
		_, pubsub := redislayer.NewPubSub(t.Context(), &o)
		for kind, err := range map[string]error{"core": core, "pub/sub": pubsub} {
			if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "open a "+kind+" layer: ") {
				t.Errorf("%s: got %v, want something of %q", kind, err, want)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: the error tells the password: %v", kind, err)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := redislayer.NewCore(ctx, &redislayer.Options{Hosts: good}); err == nil {
		t.Error("a context that has ended opened a layer")
	}
}

func TestPrefixesOfChannelsAreFew(t *testing.T) {
	t.Parallel()
	l := newCore(t, &redislayer.Options{Hosts: hosts(redistest.Start(t))})
	for i := range 100 {
		if _, err := l.NewChannel(t.Context(), "p"+strings.Repeat("x", i/10)+string(rune('0'+i%10))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.NewChannel(t.Context(), "another"); err == nil {
		t.Error("a hundred and first prefix was taken")
	}
	if _, err := l.NewChannel(t.Context(), "p0"); err != nil {
		t.Errorf("one that is known: %v", err)
	}
}

// A logbook keeps what is logged.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logbook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logbook) count(what string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Count(b.text.String(), what)
}

func TestABreakIsLoggedOnceAndSoIsItsEnd(t *testing.T) {
	t.Parallel()
	for kind, open := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			var log logbook
			l := open(t, &redislayer.Options{Hosts: hosts(server), Logger: slog.New(slog.NewTextHandler(&log, nil))})
			works(t, l)
			server.Stop()
			time.Sleep(2 * time.Second)
			server.Restart(t)
			within(t, "it is logged that Redis is back", func() bool { return log.count("Redis is back") == 1 })
			works(t, l)
			if n := log.count("Redis can't be reached"); n != 1 {
				t.Errorf("it was logged %d times that Redis can't be reached:\n%s", n, log.text.String())
			}
		})
	}
}

func TestASentinelsFailoverIsFollowed(t *testing.T) {
	t.Parallel()
	for kind, open := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			master := redistest.Start(t)
			redistest.StartReplica(t, master)
			sentinel := redistest.StartSentinel(t, "tea", master)
			within(t, "the Sentinel knows the replica", func() bool {
				return len(sentinel.Do(t, "SENTINEL", "REPLICAS", "tea").([]any)) == 1
			})
			o := &redislayer.Options{Hosts: []redislayer.Host{{Sentinels: []string{sentinel.Addr()}, MasterName: "tea"}}, Logger: quiet}
			tr := startTraffic(t, open(t, o), open(t, o))
			master.Stop()
			within(t, "the replica is master", func() bool {
				return sentinel.Do(t, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "tea").([]any)[1] != master.Port()
			})
			t.Logf("whole again after %v", tr.arrives(time.Now()))
			tr.end()
		})
	}
}
