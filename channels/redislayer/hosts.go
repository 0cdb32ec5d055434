package redislayer

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// How long things may take.
const (
	dialWithin    = 2 * time.Second  // a connection, with TLS and AUTH
	answerWithin  = 5 * time.Second  // an answer to a command, when its caller has more patience
	listenWithin  = 15 * time.Second // silence of a host that is read from: a pause in between costs nothing
	blockFor      = 5 * time.Second  // a blocking read of what only this process reads
	closeWithin   = 2 * time.Second  // saying goodbye
	sentinelEvery = 5 * time.Second  // asking the Sentinels, in case their news got lost
)

// buffer is the size of a connection's buffers, in bytes, each way.
const buffer = 64 << 10

// A host is one Redis server, or what Sentinels say it is at the moment.
type host struct {
	// Static after connect.
	name   string // for people: without user and password
	option rueidis.ClientOption
	client rueidis.Client // for all but blocking reads
	dialed *connections   // of client
	log    *slog.Logger

	mu     sync.Mutex
	broken bool // and a warning was logged
}

// parseHosts reads the hosts of the options. Errors say nothing of URLs: they have passwords in them.
func parseHosts(hosts []Host, log *slog.Logger) ([]*host, error) {
	if len(hosts) == 0 {
		hosts = []Host{{URL: "redis://localhost:6379"}}
	}
	var parsed []*host
	for i, h := range hosts {
		p, err := parseHost(h)
		if err != nil {
			return nil, fmt.Errorf("host %d of %d: %w", i+1, len(hosts), err)
		}
		p.log = log
		parsed = append(parsed, p)
	}
	return parsed, nil
}

func parseHost(h Host) (*host, error) {
	option := rueidis.ClientOption{
		Dialer:              net.Dialer{Timeout: dialWithin, KeepAlive: time.Second},
		ClientSetInfo:       rueidis.DisableClientSetInfo,
		ReadBufferEachConn:  buffer,
		WriteBufferEachConn: buffer,
		BlockingPoolCleanup: 30 * time.Second,
		MaxFlushDelay:       100 * time.Microsecond, // while many send at once: a third less work for both ends
		BlockingPipeline:    -1,                     // none is so long that it needs a connection of its own
		PipelineMultiplex:   -1,                     // one connection: what one sender sends stays in order, whatever happens
		AlwaysPipelining:    true,                   // so that a caller's ctx ends its waiting, not the connection of all
		DisableRetry:        true,                   // a write whose fate is unknown may have been done
		DisableCache:        true,
		ForceSingleClient:   len(h.Sentinels) == 0,
	}
	p := &host{option: option}
	if h.URL == "" && len(h.Sentinels) == 0 {
		return nil, errors.New("it has no URL; want one like redis://localhost:6379")
	}
	if h.URL != "" {
		if err := p.parseURL(h); err != nil {
			return nil, err
		}
	}
	if len(h.Sentinels) == 0 {
		return p, nil
	}
	if h.MasterName == "" {
		return nil, errors.New("it has Sentinels, but no MasterName to ask them for")
	}
	for _, s := range h.Sentinels {
		if _, _, err := net.SplitHostPort(s); err != nil {
			return nil, fmt.Errorf("the Sentinel %q: want host:port", s)
		}
	}
	p.name = fmt.Sprintf("%s of Sentinels %s", h.MasterName, strings.Join(h.Sentinels, ", "))
	p.option.InitAddress = slices.Clone(h.Sentinels)
	p.option.Sentinel = rueidis.SentinelOption{
		Dialer: p.option.Dialer, MasterSet: h.MasterName, Username: h.SentinelUsername, Password: h.SentinelPassword,
		TLSConfig: p.option.TLSConfig, TopologyRefreshInterval: sentinelEvery,
	}
	return p, nil
}

// parseURL reads where a host is, and who we are there.
func (p *host) parseURL(h Host) error {
	u, err := url.Parse(h.URL)
	if err != nil {
		return errors.New("its URL isn't one; want redis://user:password@host:port/db, with special characters in the password written as %XX")
	}
	db := strings.TrimPrefix(u.Path, "/")
	switch u.Scheme {
	case "rediss":
		p.option.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		if h.TLS != nil {
			p.option.TLSConfig = h.TLS.Clone()
		}
		if p.option.TLSConfig.ServerName == "" && len(h.Sentinels) == 0 {
			p.option.TLSConfig.ServerName = cmp.Or(u.Hostname(), "localhost")
		}
		fallthrough
	case "redis":
		p.name = net.JoinHostPort(cmp.Or(u.Hostname(), "localhost"), cmp.Or(u.Port(), "6379"))
		p.option.InitAddress = []string{p.name}
	case "unix":
		p.name, db = u.Path, ""
		p.option.InitAddress = []string{u.Path}
		if u.Path == "" {
			return errors.New("its URL has no path; want unix:///path/of/socket")
		}
	default:
		return fmt.Errorf("its URL is of scheme %q; want redis, rediss or unix", u.Scheme)
	}
	for k, v := range u.Query() {
		if k != "db" || len(v) != 1 {
			return fmt.Errorf("its URL has the option %q; only db is known (TLS has a field of Host)", k)
		}
		db = v[0]
	}
	if db != "" {
		if p.option.SelectDB, err = strconv.Atoi(db); err != nil || p.option.SelectDB < 0 {
			return fmt.Errorf("its URL's database %q isn't a number", db)
		}
	}
	if u.User != nil {
		p.option.Username = u.User.Username()
		p.option.Password, _ = u.User.Password()
	}
	return nil
}

// connect connects for the first time.
func (p *host) connect() error {
	var err error
	if p.client, p.dialed, err = p.open(answerWithin); err != nil {
		if p.client != nil {
			p.client.Close()
		}
		return fmt.Errorf("connect to Redis at %s: %w", p.name, err)
	}
	return nil
}

// open makes a client with one connection; silence is how long the host may take to answer. With an error there may be a client that is to
// be closed.
func (p *host) open(silence time.Duration) (rueidis.Client, *connections, error) {
	option, dialed := p.option, &connections{open: map[*connection]struct{}{}}
	option.ConnWriteTimeout = silence
	network := "tcp"
	if strings.HasPrefix(option.InitAddress[0], "/") {
		network = "unix"
	}
	option.DialCtxFn = func(ctx context.Context, addr string, d *net.Dialer, t *tls.Config) (net.Conn, error) {
		return dialed.dial(ctx, network, addr, d, t)
	}
	client, err := rueidis.NewClient(option)
	return client, dialed, err
}

// close ends the client at once, whatever it waits for.
func (p *host) close() { closeClient(p.client, p.dialed) }

func closeClient(client rueidis.Client, dialed *connections) {
	dialed.close()
	client.Close()
}

// broke tells people that the host can't be reached, once until it is back.
func (p *host) broke(err error) {
	p.mu.Lock()
	told := p.broken
	p.broken = true
	p.mu.Unlock()
	if !told {
		p.log.Warn("Redis can't be reached, trying again", slog.String("host", p.name), slog.Any("err", err))
	}
}

// back tells people that the host is there again, if they were told that it isn't.
func (p *host) back() {
	p.mu.Lock()
	told := p.broken
	p.broken = false
	p.mu.Unlock()
	if told {
		p.log.Info("Redis is back", slog.String("host", p.name))
	}
}

// away reports whether the host couldn't be reached lately.
func (p *host) away() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.broken
}

// lost reports whether a command has no answer, so that nobody knows whether it was done.
func lost(err error) bool {
	if err == nil {
		return false
	}
	_, answered := rueidis.IsRedisErr(err)
	return !answered
}

// A backoff is how long to wait before the next try: ever longer, up to a second, and never as long as everyone else.
type backoff struct{ tries int }

// wait reports whether to go on; it is false when ctx has ended.
func (b *backoff) wait(ctx context.Context) bool {
	longest := min(time.Second, 25*time.Millisecond<<min(b.tries, 8))
	b.tries++
	select {
	case <-time.After(longest/2 + rand.N(longest/2)):
		return true
	case <-ctx.Done():
		return false
	}
}

// connections are those of one client, kept so that they can be closed while the client waits for an answer.
type connections struct {
	mu     sync.Mutex
	closed bool
	open   map[*connection]struct{}
}

type connection struct {
	net.Conn
	of *connections
}

func (c *connection) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

func (c *connections) dial(ctx context.Context, network, addr string, d *net.Dialer, t *tls.Config) (net.Conn, error) {
	var conn net.Conn
	var err error
	if t == nil {
		conn, err = d.DialContext(ctx, network, addr)
	} else {
		conn, err = (&tls.Dialer{NetDialer: d, Config: t}).DialContext(ctx, network, addr)
	}
	if err != nil {
		return nil, err
	}
	tracked := &connection{conn, c}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		conn.Close()
		return nil, net.ErrClosed
	}
	c.open[tracked] = struct{}{}
	return tracked, nil
}

// close closes all connections; there are no more.
func (c *connections) close() {
	c.mu.Lock()
	c.closed = true
	open := c.open
	c.open = map[*connection]struct{}{}
	c.mu.Unlock()
	for conn := range open {
		conn.Conn.Close()
	}
}
