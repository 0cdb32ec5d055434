package redislayer

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/teahouse-chat/teahouse/channels"
)

// How the rosters work.
const (
	lookEvery  = time.Second     // whether Redis still knows what it was told
	lookWithin = 2 * time.Second // a look that takes longer says that it can't be reached
	aliveFor   = 5 * time.Minute // the TTL of the key that is looked for
	maxBatch   = 500             // changes that are written at a time, and members that one command writes
)

// A roster is who of this process is in the groups of one host. It alone writes memberships there, one change after the other, and it remembers
// those of the process's own channels: to renew them, and to write them all again when Redis was away or has forgotten them.
type roster struct {
	// Static.
	core  *Core
	host  *host
	alive string        // the key that is missing when Redis has lost its data
	renew time.Duration // how often everything is written again
	wake  chan struct{} // one slot: there are changes

	mu      sync.Mutex
	changes []*change // that nobody has begun with
	suspect bool      // Redis was away: it may have forgotten
	closed  bool      // no more changes are taken

	// Owned by run.
	members members
	owed    map[membership]struct{} // to be removed: nobody knows whether they are there
	known   bool                    // the key was written once
	renewed time.Time
}

type membership struct{ group, channel string }

// A change is one thing to do in its turn.
type change struct {
	kind           changeKind
	group, channel string
	done           chan error // one slot

	groups []string // that a forgotten channel was in
}

type changeKind uint8

const (
	addMember     changeKind = iota // one of this process's own channels
	addForeign                      // any other: it isn't remembered
	discardMember                   // any
	forgetChannel                   // an own one, in all groups
	forgetUnused                    // the own ones that nobody listens to: they aren't written again
	countBreak                      // messages may have been lost
)

func newRoster(c *Core, h *host) *roster {
	return &roster{
		core: c, host: h, alive: c.opts.Prefix + aliveInfix + c.client, renew: min(c.opts.RejoinInterval, c.opts.GroupExpiry/3),
		wake: make(chan struct{}, 1), members: newMembers(), owed: map[membership]struct{}{}, renewed: time.Now(),
	}
}

// start has a change done in its turn; its done gets the error.
func (r *roster) start(c *change) {
	c.done = make(chan error, 1)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		c.done <- channels.ErrLayerClosed
		return
	}
	r.changes = append(r.changes, c)
	wakeUp(r.wake)
}

// change does something in its turn and waits for it. When ctx ends first, it may be done all the same.
func (r *roster) change(ctx context.Context, kind changeKind, group, channel string) error {
	c := &change{kind: kind, group: group, channel: channel}
	r.start(c)
	select {
	case err := <-c.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// doubt says that Redis was away.
func (r *roster) doubt() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.suspect = true
}

// run writes changes, and looks whether they are still there, until ctx ends. Then it takes everything back.
func (r *roster) run(ctx context.Context) {
	ticker := time.NewTicker(max(min(lookEvery, r.renew), 100*time.Millisecond))
	defer ticker.Stop()
	r.look()
	for {
		select {
		case <-r.wake:
			r.write(r.take())
		case <-ticker.C:
			r.look()
		case <-ctx.Done():
			r.leave()
			return
		}
	}
}

// take takes the next changes.
func (r *roster) take() []*change {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := min(len(r.changes), maxBatch)
	batch := r.changes[:n:n]
	if r.changes = r.changes[n:]; len(r.changes) > 0 {
		wakeUp(r.wake)
	}
	return batch
}

// A stretch is changes in a row that are written together: many joins of one group, or one change.
type stretch struct {
	changes []*change
	from    int // index of the first command
}

// write writes changes in one trip, in their order.
func (r *roster) write(batch []*change) {
	now := time.Now()
	var cmds rueidis.Commands
	var stretches []stretch
	for len(batch) > 0 {
		n := 1
		for batch[0].kind == addMember && n < len(batch) && batch[n].kind == addMember && batch[n].group == batch[0].group {
			n++
		}
		stretches = append(stretches, stretch{batch[:n], len(cmds)})
		cmds = append(cmds, r.commands(batch[:n], now)...)
		batch = batch[n:]
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
	defer cancel()
	results := r.host.client.DoMulti(ctx, cmds...)
	for i, st := range stretches {
		to := len(cmds)
		if i+1 < len(stretches) {
			to = stretches[i+1].from
		}
		err := firstError(results[st.from:to])
		for _, c := range st.changes {
			r.settle(c, err)
		}
	}
}

func firstError(results []rueidis.RedisResult) error {
	for _, res := range results {
		if err := res.Error(); err != nil {
			return err
		}
	}
	return nil
}

// commands notes a stretch of changes, and says what Redis is to be told.
func (r *roster) commands(changes []*change, now time.Time) rueidis.Commands {
	c := changes[0]
	switch c.kind {
	case addMember:
		added := make([]member, len(changes))
		for i, c := range changes {
			r.members.add(c.group, c.channel, now)
			added[i] = member{c.channel, now}
		}
		return r.addCommands(c.group, added)
	case addForeign:
		return r.addCommands(c.group, []member{{c.channel, now}})
	case discardMember:
		r.members.remove(c.group, c.channel)
		return r.removeCommands(c.group, c.channel)
	case forgetChannel:
		c.groups = slices.Collect(maps.Keys(r.members.byChannel[c.channel]))
		var cmds rueidis.Commands
		for _, group := range c.groups {
			r.members.remove(group, c.channel)
			cmds = append(cmds, r.removeCommands(group, c.channel)...)
		}
		return cmds
	case forgetUnused:
		r.members.keep(func(channel string) bool { return r.core.used(channel, now) })
	case countBreak:
		for group := range r.members.byGroup {
			r.core.losses.Add(group, channels.LossDisconnected, 1)
		}
	}
	return nil
}

// settle tells who waits for a change what came of it. What may be there and shouldn't is to be removed later.
func (r *roster) settle(c *change, err error) {
	m := membership{c.group, c.channel}
	switch {
	case c.kind == addMember && err == nil:
		delete(r.owed, m)
	case c.kind == addMember:
		r.members.remove(c.group, c.channel)
		r.owed[m] = struct{}{}
	case c.kind == discardMember && err != nil && r.core.isOwn(c.channel):
		r.owed[m] = struct{}{}
	case c.kind == forgetChannel && err != nil:
		for _, group := range c.groups {
			r.owed[membership{group, c.channel}] = struct{}{}
		}
	}
	if lost(err) {
		r.doubt()
	}
	c.done <- err
}

func (r *roster) key(group string) string { return r.core.opts.Prefix + groupInfix + group }

// addCommands write members of a group; all but the last answer how many weren't there.
func (r *roster) addCommands(group string, list []member) rueidis.Commands {
	b, key := r.host.client.B(), r.key(group)
	var cmds rueidis.Commands
	for part := range slices.Chunk(list, maxBatch) {
		args := make([]string, 0, 2*len(part))
		for _, m := range part {
			args = append(args, score(seconds(m.at)), m.channel)
		}
		cmds = append(cmds, b.Arbitrary("ZADD").Keys(key).Args(args...).Build())
	}
	return append(cmds, b.Expire().Key(key).Seconds(int64(r.core.opts.GroupExpiry.Seconds())).Build())
}

func (r *roster) removeCommands(group string, list ...string) rueidis.Commands {
	var cmds rueidis.Commands
	for part := range slices.Chunk(list, maxBatch) {
		cmds = append(cmds, r.host.client.B().Zrem().Key(r.key(group)).Member(part...).Build())
	}
	return cmds
}
