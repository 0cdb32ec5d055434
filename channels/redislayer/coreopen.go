package redislayer

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/teahouse-chat/teahouse/channels"
)

// pullFor is how long a message of an open channel is waited for in one go: what Close waits for.
const pullFor = time.Second

// An openChannel is one that all processes may receive from. Pullers, one a host, take a message at a time off Redis while somebody waits here. What
// was taken when nobody waits any more is put back, for whoever waits next, in whatever process.
type openChannel struct {
	// Static.
	core  *Core
	name  string
	ready chan struct{} // one slot: something is kept

	mu      sync.Mutex
	waiting int
	pulling []bool // by host
	kept    []kept // by score
}

// kept is what was taken off Redis.
type kept struct {
	host *host
	rueidis.ZScore
}

// open is an open channel, nil when the layer is closed.
func (c *Core) open(name string) *openChannel {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	o := c.opened[name]
	if o == nil {
		o = &openChannel{core: c, name: name, ready: make(chan struct{}, 1), pulling: make([]bool, len(c.opts.hosts))}
		c.opened[name] = o
	}
	return o
}

// receive waits for a message that can be read.
func (o *openChannel) receive(ctx context.Context) (channels.Message, error) {
	for {
		k, err := o.next(ctx)
		if err != nil {
			return nil, err
		}
		if seconds(time.Now())-k.Score > o.core.opts.Expiry.Seconds() {
			o.core.losses.Add("", channels.LossExpired, 1)
			continue
		}
		body, err := o.core.wire.open(k.Member)
		var m channels.Message
		if err == nil {
			m, _, err = o.core.wire.message(body)
		}
		if err == nil {
			return m, nil
		}
		o.core.losses.Add("", channels.LossUndecodable, 1)
	}
}

// next waits for the next message, as it was written.
func (o *openChannel) next(ctx context.Context) (kept, error) {
	o.wait(1)
	defer o.wait(-1)
	for {
		if k, ok := o.take(); ok {
			return k, nil
		}
		select {
		case <-o.ready:
		case <-ctx.Done():
			return kept{}, ending(ctx, o.core.ctx)
		case <-o.core.ctx.Done():
			return kept{}, channels.ErrLayerClosed
		}
	}
}

// wait notes that a call begins or ends to wait. The last one sees to it that what is kept is put back.
func (o *openChannel) wait(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waiting += n
	if o.waiting == 0 && len(o.kept) > 0 {
		o.background(o.putBack)
	}
}

// background starts something that Close waits for, unless that has begun. mu must be held.
func (o *openChannel) background(f func()) bool {
	o.core.mu.RLock()
	defer o.core.mu.RUnlock()
	if !o.core.closed {
		o.core.readers.Go(f)
	}
	return !o.core.closed
}

// take takes what is kept, and sees to it that more is pulled when there is nothing.
func (o *openChannel) take() (k kept, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.kept) == 0 {
		for i := range o.pulling {
			o.pull(i)
		}
		return kept{}, false
	}
	k = o.kept[0]
	if o.kept = o.kept[1:]; len(o.kept) > 0 {
		wakeUp(o.ready)
	}
	return k, true
}

// pull starts the puller of a host, if it doesn't run. mu must be held.
func (o *openChannel) pull(i int) {
	if !o.pulling[i] {
		o.pulling[i] = o.background(func() { o.runPuller(i, o.core.opts.hosts[i]) })
	}
}

// runPuller takes messages off a host while more calls wait than messages are kept.
func (o *openChannel) runPuller(i int, h *host) {
	var b backoff
	broken := false
	for o.wanted(i) {
		// Not o.core.ctx: a message that is popped must be heard of.
		ctx, cancel := context.WithTimeout(context.Background(), pullFor+listenWithin)
		m, err := popped(h.client.Do(ctx, h.client.B().Bzpopmin().Key(o.core.opts.Prefix+o.name).Timeout(pullFor.Seconds()).Build()))
		cancel()
		switch {
		case err == nil:
			o.keep(kept{h, m})
			b.tries, broken = 0, false
		case rueidis.IsRedisNil(err):
			b.tries, broken = 0, false
		default:
			h.broke(err)
			if lost(err) && !broken {
				broken = true
				o.core.losses.Add("", channels.LossDisconnected, 1)
			}
			b.wait(o.core.ctx)
		}
	}
}

// wanted reports whether a puller is to go on; if not, it has ended.
func (o *openChannel) wanted(i int) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pulling[i] = o.waiting > len(o.kept) && o.core.ctx.Err() == nil
	return o.pulling[i]
}

func (o *openChannel) keep(k kept) {
	o.mu.Lock()
	at, _ := slices.BinarySearchFunc(o.kept, k, func(a, b kept) int { return cmp.Compare(a.Score, b.Score) })
	o.kept = slices.Insert(o.kept, at, k)
	o.mu.Unlock()
	wakeUp(o.ready)
	o.putBack()
}

// empty forgets what is kept.
func (o *openChannel) empty() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kept = nil
}

// putBack puts what is kept back to where it was, with its time, when nobody waits.
func (o *openChannel) putBack() {
	o.mu.Lock()
	list := o.kept
	if o.waiting > 0 {
		list = nil
	} else {
		o.kept = nil
	}
	o.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
	defer cancel()
	key := o.core.opts.Prefix + o.name
	for _, k := range list {
		b := k.host.client.B()
		results := k.host.client.DoMulti(ctx, b.Zadd().Key(key).ScoreMember().ScoreMember(k.Score, k.Member).Build(),
			b.Expire().Key(key).Seconds(int64(o.core.opts.Expiry.Seconds())).Build())
		if results[0].Error() != nil {
			o.core.losses.Add("", channels.LossDisconnected, 1)
		}
	}
}
