package redislayer

import (
	"context"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/teahouse-chat/teahouse/channels"
)

// maxTrip is how many calls go to Redis in one trip.
const maxTrip = 256

// An outbox does the sending to one host. It makes one trip at a time, for all calls that wait by then: so there is no delay when there is little to
// do, and when there is much, what goes to one group is looked up once and what goes to one process is written at once.
type outbox struct {
	// Static.
	core *Core
	host *host
	wake chan struct{} // one slot: something waits

	mu      sync.Mutex
	asks    []*ask
	parcels []*parcel
}

// An ask is a call that wants to know who is in a group.
type ask struct {
	ctx    context.Context
	group  string
	done   chan struct{} // closed when what follows is set
	queues []queue       // that its members are reached by, without values; shared with other asks
	err    error
}

// A parcel is a call that writes to queues.
type parcel struct {
	ctx    context.Context
	queues []queue
	done   chan struct{} // closed when what follows is set
	full   []int         // indices of the queues that were full
	err    error         // what was written may be known all the same
}

// A queue is where a message is written to: that of a process, or of an open channel.
type queue struct {
	nonLocal string
	capacity int
	members  []string // channels that the message is for
	value    string
}

// queues are those that the members of a group of this host are reached by, without values. They are shared, and not to be modified.
func (o *outbox) queues(ctx context.Context, group string) ([]queue, error) {
	a := &ask{ctx: ctx, group: group, done: make(chan struct{})}
	o.mu.Lock()
	o.asks = append(o.asks, a)
	o.mu.Unlock()
	if err := o.await(ctx, a.done); err != nil {
		return nil, err
	}
	return a.queues, a.err
}

// write writes to queues of this host, and returns the indices of those that were full. When ctx ends first, it may be done all the same.
func (o *outbox) write(ctx context.Context, queues []queue) (full []int, err error) {
	p := &parcel{ctx: ctx, queues: queues, done: make(chan struct{})}
	o.mu.Lock()
	o.parcels = append(o.parcels, p)
	o.mu.Unlock()
	if err := o.await(ctx, p.done); err != nil {
		return nil, err
	}
	return p.full, p.err
}

func (o *outbox) await(ctx context.Context, done <-chan struct{}) error {
	wakeUp(o.wake)
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ending(ctx, o.core.ctx)
	case <-o.core.ctx.Done():
		return channels.ErrLayerClosed
	}
}

// run makes trips until ctx ends.
func (o *outbox) run(ctx context.Context) {
	for {
		select {
		case <-o.wake:
			asks, parcels := o.take()
			o.trip(ctx, asks, parcels)
		case <-ctx.Done():
			return
		}
	}
}

// take takes what waits, but for calls that have ended.
func (o *outbox) take() ([]*ask, []*parcel) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var asks []*ask
	var parcels []*parcel
	for len(o.asks) > 0 && len(asks) < maxTrip {
		if a := o.asks[0]; a.ctx.Err() == nil {
			asks = append(asks, a)
		}
		o.asks = o.asks[1:]
	}
	for len(o.parcels) > 0 && len(parcels) < maxTrip {
		if p := o.parcels[0]; p.ctx.Err() == nil {
			parcels = append(parcels, p)
		}
		o.parcels = o.parcels[1:]
	}
	if len(o.asks)+len(o.parcels) > 0 {
		wakeUp(o.wake)
	}
	return asks, parcels
}

// A bundle is what is written to one queue in a trip.
type bundle struct {
	key    string
	values []value
}

// A value is a queue's in a parcel.
type value struct {
	parcel *parcel
	index  int
}

func (v value) queue() queue { return v.parcel.queues[v.index] }

// trip asks and writes in one go.
func (o *outbox) trip(ctx context.Context, asks []*ask, parcels []*parcel) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	groups := map[string][]*ask{}
	var names []string
	for _, a := range asks {
		if groups[a.group] == nil {
			names = append(names, a.group)
		}
		groups[a.group] = append(groups[a.group], a)
	}
	bundles := o.bundles(parcels)
	results := o.host.client.DoMulti(ctx, append(o.askCommands(names), o.writeCommands(bundles)...)...)
	for i, name := range names {
		members, err := results[i].AsStrSlice()
		queues := o.core.queues(members)
		for _, a := range groups[name] {
			a.queues, a.err = queues, err
			close(a.done)
		}
	}
	results = results[len(names):]
	for i, b := range bundles {
		o.settle(ctx, b, results[commandsOfABundle*i:][:commandsOfABundle])
	}
	for _, p := range parcels {
		close(p.done)
	}
}

// bundles puts together what goes to the same queue, in its order.
func (o *outbox) bundles(parcels []*parcel) []*bundle {
	var bundles []*bundle
	byQueue := map[string]*bundle{}
	for _, p := range parcels {
		for i, q := range p.queues {
			b := byQueue[q.nonLocal]
			if b == nil {
				b = &bundle{key: o.core.opts.Prefix + q.nonLocal}
				byQueue[q.nonLocal] = b
				bundles = append(bundles, b)
			}
			b.values = append(b.values, value{p, i})
		}
	}
	return bundles
}

// askCommands ask who is in groups. Python removes expired members first; here who renews a membership does that, and a send passes them by.
func (o *outbox) askCommands(groups []string) rueidis.Commands {
	b := o.host.client.B()
	since := "(" + before(seconds(time.Now()), o.core.opts.GroupExpiry)
	var cmds rueidis.Commands
	for _, group := range groups {
		cmds = append(cmds, b.Zrangebyscore().Key(o.core.opts.Prefix+groupInfix+group).Min(since).Max("+inf").Build())
	}
	return cmds
}

// commandsOfABundle is how many commands write a bundle.
const commandsOfABundle = 4

// writeCommands write values and ask how many there are then. Those that are too many are taken back: that costs Redis half of what a script does
// that looks first.
func (o *outbox) writeCommands(bundles []*bundle) rueidis.Commands {
	b := o.host.client.B()
	old := before(seconds(time.Now()), o.core.opts.Expiry)
	var cmds rueidis.Commands
	for _, bundle := range bundles {
		add := make([]string, 0, 2*len(bundle.values))
		for _, v := range bundle.values {
			add = append(add, score(o.core.clock.next()), v.queue().value)
		}
		cmds = append(cmds,
			b.Zremrangebyscore().Key(bundle.key).Min("0").Max(old).Build(),
			b.Arbitrary("ZADD").Keys(bundle.key).Args(add...).Build(),
			b.Expire().Key(bundle.key).Seconds(int64(o.core.opts.Expiry.Seconds())).Build(),
			b.Zcard().Key(bundle.key).Build())
	}
	return cmds
}

// settle notes what came of a bundle, and takes back what was too much.
func (o *outbox) settle(ctx context.Context, b *bundle, results []rueidis.RedisResult) {
	err := firstError(results)
	n, _ := results[len(results)-1].AsInt64()
	waiting := int(n) - len(b.values) // before ours
	var cmds rueidis.Commands
	var over []value
	for _, v := range b.values {
		q := v.queue()
		switch {
		case err != nil:
			v.parcel.err = err
		case waiting < q.capacity:
			waiting++
		default:
			over = append(over, v)
			cmds = append(cmds, o.host.client.B().Zrem().Key(b.key).Member(q.value).Build())
		}
	}
	for i, result := range o.host.client.DoMulti(ctx, cmds...) {
		v := over[i]
		switch n, err := result.AsInt64(); {
		case err != nil:
			v.parcel.err = err
		case n > 0: // else it was read meanwhile
			v.parcel.full = append(v.parcel.full, v.index)
		}
	}
}
