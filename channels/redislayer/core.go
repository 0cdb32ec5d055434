package redislayer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/teahouse-chat/teahouse/channels"
)

// maxPrefixes bounds the prefixes that NewChannel knows: each is read on a connection of its own.
const maxPrefixes = 100

// A Core is a layer that keeps messages and groups in sorted sets, as channels_redis's RedisChannelLayer does. Open it with NewCore.
type Core struct {
	// Static.
	opts   settings
	wire   *wire
	client string // who we are in the names of our channels
	losses *channels.Losses

	ctx      context.Context // ends with Close
	stop     context.CancelFunc
	rosters  []*roster     // by host
	outboxes []*outbox     // by host
	turn     atomic.Uint64 // of the hosts, for open channels
	clock    clock
	leavers  sync.WaitGroup // the rosters
	readers  sync.WaitGroup // all else

	mu     sync.RWMutex // an openChannel's may be held when it is taken, not the reverse
	closed bool
	own    map[string]*mailbox     // by channel
	keys   map[string][]*reader    // by what stands before the ! in own channels
	opened map[string]*openChannel // by channel
}

var (
	_ channels.Layer      = (*Core)(nil)
	_ channels.Flusher    = (*Core)(nil)
	_ channels.Subscriber = (*Core)(nil)
)

// NewCore checks the options and connects to all hosts; each has two seconds. Errors name the option, or the host. The caller calls Close.
func NewCore(ctx context.Context, o *Options) (*Core, error) {
	s, err := open(ctx, "core", o)
	if err != nil {
		return nil, err
	}
	c := &Core{
		opts: s, wire: newWire(s), client: randomHex(), losses: s.Losses,
		own: map[string]*mailbox{}, keys: map[string][]*reader{}, opened: map[string]*openChannel{},
	}
	c.wire.maxAge = s.Expiry + readSkew
	c.ctx, c.stop = context.WithCancel(context.Background())
	for _, h := range s.hosts {
		r := newRoster(c, h)
		c.rosters = append(c.rosters, r)
		c.leavers.Go(func() { r.run(c.ctx) })
		o := &outbox{core: c, host: h, wake: make(chan struct{}, 1)}
		c.outboxes = append(c.outboxes, o)
		c.readers.Go(func() { o.run(c.ctx) })
	}
	return c, nil
}

// Losses are what the layer counts as lost.
func (c *Core) Losses() *channels.Losses { return c.losses }

// NewChannel makes a name for a channel of this process, which is remembered until its subscription ends, or until Close. All channels of one prefix
// share a queue in Redis and a connection to each host, so a process should use few prefixes: 100 at most. Errors: ErrName.
func (c *Core) NewChannel(ctx context.Context, prefix string) (string, error) {
	if prefix == "" {
		prefix = "specific"
	}
	nonLocal := prefix + "." + c.client + "!"
	name := nonLocal + randomHex()
	if err := channels.CheckChannel(name); err != nil {
		return "", fmt.Errorf("new channel: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return "", channels.ErrLayerClosed
	}
	if c.keys[nonLocal] == nil {
		if len(c.keys) == maxPrefixes {
			return "", fmt.Errorf("new channel: it would be the prefix number %d; use few", maxPrefixes+1)
		}
		c.read(nonLocal)
	}
	c.own[name] = newMailbox(c.opts.capacities.Of(name), c.opts.Expiry, c.losses)
	return name, nil
}

// read starts to read the queue of own channels on every host. mu must be held.
func (c *Core) read(nonLocal string) {
	for _, h := range c.opts.hosts {
		r := &reader{core: c, host: h, key: c.opts.Prefix + nonLocal}
		c.keys[nonLocal] = append(c.keys[nonLocal], r)
		c.readers.Go(func() { r.run(c.ctx) })
	}
}

// mailbox is an own channel's, nil if there is none.
func (c *Core) mailbox(channel string) *mailbox {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.own[channel]
}

// isOwn reports whether a name was made by NewChannel of this layer.
func (c *Core) isOwn(channel string) bool {
	before, _, local := strings.Cut(channel, "!")
	return local && strings.HasSuffix(before, "."+c.client)
}

// used reports whether somebody has listened to an own channel since a time.
func (c *Core) used(channel string, since time.Time) bool {
	b := c.mailbox(channel)
	return b != nil && b.used(since)
}

// check is the error of a call that can't begin.
func (c *Core) check(ctx context.Context) error {
	if c.ctx.Err() != nil {
		return channels.ErrLayerClosed
	}
	return ctx.Err()
}

// Receive waits for the next message of a channel: one of this process, or an open one, where each message goes to one of all processes that wait.
// Errors: ErrName; that it is another process's channel, that it was forgotten, or is subscribed to.
func (c *Core) Receive(ctx context.Context, channel string) (channels.Message, error) {
	if err := c.check(ctx); err != nil {
		return nil, err
	}
	if err := channels.CheckChannel(channel); err != nil {
		return nil, fmt.Errorf("receive: %w", err)
	}
	if !channels.IsLocal(channel) {
		o := c.open(channel)
		if o == nil {
			return nil, channels.ErrLayerClosed
		}
		return o.receive(ctx)
	}
	b := c.mailbox(channel)
	if b == nil {
		return nil, fmt.Errorf("receive from %s: %w", channel, errNotOurs)
	}
	m, err := b.receive(ctx, c.ctx)
	if errors.Is(err, errSubscribed) {
		return nil, fmt.Errorf("receive from %s: %w", channel, err)
	}
	return m, err
}

// Subscribe implements channels.Subscriber.
func (c *Core) Subscribe(channel string, deliver func(channels.Message)) (unsubscribe func(), err error) {
	if c.ctx.Err() != nil {
		return nil, channels.ErrLayerClosed
	}
	if err := channels.CheckChannel(channel); err != nil {
		return nil, fmt.Errorf("subscribe: %w", err)
	}
	b := c.mailbox(channel)
	if b == nil {
		return nil, fmt.Errorf("subscribe to %s: %w", channel, errNotOurs)
	}
	if err := b.subscribe(deliver); err != nil {
		return nil, fmt.Errorf("subscribe to %s: %w", channel, err)
	}
	return sync.OnceFunc(func() { c.forget(channel, b) }), nil
}

// forget ends a subscription, and takes the channel out of its groups; when Redis is slow, a little later.
func (c *Core) forget(channel string, b *mailbox) {
	b.unsubscribe()
	c.mu.Lock()
	delete(c.own, channel)
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	changes := make([]*change, len(c.rosters))
	for i, r := range c.rosters {
		changes[i] = &change{kind: forgetChannel, channel: channel}
		r.start(changes[i])
	}
	for i, change := range changes {
		if c.rosters[i].host.away() {
			continue
		}
		select {
		case <-change.done:
		case <-ctx.Done():
		}
	}
}

// GroupAdd puts a channel into a group. Own channels, those of NewChannel, stay there until GroupDiscard or Close; any other for the GroupExpiry.
// When ctx ends first, or Redis goes away, the channel isn't in the group, or not for long. Errors: ErrName; those of Redis.
func (c *Core) GroupAdd(ctx context.Context, group, channel string) error {
	kind := addForeign
	if c.mailbox(channel) != nil {
		kind = addMember
	} else if c.isOwn(channel) && c.ctx.Err() == nil {
		return fmt.Errorf("add %s to group %s: the channel was forgotten", channel, group)
	}
	return c.change(ctx, "add %s to group %s: %w", kind, group, channel)
}

// GroupDiscard takes a channel out of a group. It is for the process that the channel is of: to take out another's lasts until that one renews its
// memberships. Errors: ErrName; those of Redis, which is told again when it is back if the channel is this process's.
func (c *Core) GroupDiscard(ctx context.Context, group, channel string) error {
	return c.change(ctx, "discard %s from group %s: %w", discardMember, group, channel)
}

func (c *Core) change(ctx context.Context, format string, kind changeKind, group, channel string) error {
	err := c.check(ctx)
	if err == nil {
		err = errors.Join(channels.CheckGroup(group), channels.CheckChannel(channel))
	}
	if err == nil {
		err = c.rosters[shard(group, len(c.rosters))].change(ctx, kind, group, channel)
	}
	switch {
	case err == nil, errors.Is(err, channels.ErrLayerClosed):
		return err
	case c.ctx.Err() != nil:
		return channels.ErrLayerClosed
	}
	return fmt.Errorf(format, channel, group, err)
}

// Flush deletes everything in Redis that begins with the prefix, on all hosts, and what waits in this process. Channels that somebody listens to are
// put back into their groups within a second or two, here and in other processes of this package; Python's are forgotten.
func (c *Core) Flush(ctx context.Context) error {
	if err := c.check(ctx); err != nil {
		return err
	}
	c.mu.RLock()
	own, opened := slices.Collect(maps.Values(c.own)), slices.Collect(maps.Values(c.opened))
	c.mu.RUnlock()
	for _, b := range own {
		b.empty()
	}
	for _, o := range opened {
		o.empty()
	}
	for _, r := range c.rosters {
		if err := r.change(ctx, forgetUnused, "", ""); err != nil {
			return fmt.Errorf("flush: %w", err)
		}
		if err := flush(ctx, r.host, c.opts.Prefix); err != nil {
			return fmt.Errorf("flush %s: %w", r.host.name, told(err, c.ctx))
		}
	}
	return nil
}

// Close takes this process's channels out of their groups, puts back messages of open channels that nobody has received, deletes what waits for own
// channels, and disconnects. When Redis doesn't answer it gives up after two seconds. Calls that wait return ErrLayerClosed.
func (c *Core) Close() error {
	c.mu.Lock()
	closed := c.closed
	c.closed = true
	c.mu.Unlock()
	if closed {
		return nil
	}
	giveUp := time.AfterFunc(closeWithin, func() {
		for _, h := range c.opts.hosts {
			h.dialed.close()
		}
	})
	defer giveUp.Stop()
	c.stop()
	c.leavers.Wait() // while all is still read: what is on its way fills nobody's queue
	for _, readers := range c.keys {
		for _, r := range readers {
			r.interrupt()
		}
	}
	c.readers.Wait()
	for _, b := range c.own {
		b.unsubscribe()
	}
	for _, o := range c.opened {
		o.putBack()
	}
	c.deleteQueues()
	for _, h := range c.opts.hosts {
		h.close()
	}
	return nil
}

// deleteQueues deletes what waits for own channels.
func (c *Core) deleteQueues() {
	var keys []string
	for nonLocal := range c.keys {
		keys = append(keys, c.opts.Prefix+nonLocal)
	}
	slices.Sort(keys)
	if len(keys) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
	defer cancel()
	for _, h := range c.opts.hosts {
		h.client.Do(ctx, h.client.B().Del().Key(keys...).Build())
	}
}
