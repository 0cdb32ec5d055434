package redislayer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/teahouse-chat/teahouse/channels"
)

// A clock gives times that are those of the wall, in seconds, but for being different: each is later than the one before.
type clock struct {
	mu   sync.Mutex
	last float64
}

func (c *clock) next() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = max(seconds(time.Now()), math.Nextafter(c.last, math.Inf(1)))
	return c.last
}

func seconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }

// nonLocal is a name up to its "!", or all of it: what a queue in Redis is named for.
func nonLocal(channel string) string {
	if i := strings.IndexByte(channel, '!'); i >= 0 {
		return channel[:i+1]
	}
	return channel
}

// Send sends a message to one channel. With several hosts, what is for a process goes to the host by the hash of what stands before the "!", which that process
// reads (channels_redis hashes all of the name, and may lose it); what is for an open channel goes to the hosts in turn. Errors: ErrName, ErrMessage, ErrChannelFull;
// those of Redis, after which the message may have been sent all the same.
func (c *Core) Send(ctx context.Context, channel string, m channels.Message) error {
	err := c.check(ctx)
	if err != nil {
		return err
	}
	var p packed
	if err = channels.CheckChannel(channel); err == nil {
		p, err = c.wire.pack(m)
	}
	if err == nil {
		err = c.send(ctx, channel, p)
	}
	if err = told(err, c.ctx); err != nil && !errors.Is(err, channels.ErrLayerClosed) {
		return fmt.Errorf("send to %s: %w", channel, err)
	}
	return err
}

func (c *Core) send(ctx context.Context, channel string, p packed) error {
	h := c.opts.hosts[int(c.turn.Add(1)%uint64(len(c.opts.hosts)))]
	var to any
	if channels.IsLocal(channel) {
		h, to = c.opts.shard(nonLocal(channel)), channel
	}
	q := queue{nonLocal: nonLocal(channel), capacity: c.opts.capacities.Of(channel)}
	var err error
	if q.value, err = c.wire.value(p, to); err != nil {
		return err
	}
	full, err := c.write(ctx, h, []queue{q})
	if err == nil && len(full) > 0 {
		return channels.ErrChannelFull
	}
	return err
}

// A queue is where a message is written to: that of a process, or of an open channel.
type queue struct {
	nonLocal string
	capacity int
	members  []string // channels that the message is for
	value    string
}

// commandsOfAQueue is how many commands write to one queue.
const commandsOfAQueue = 4

// write writes to queues of one host, and returns the indices of those that were full. A value is written first and taken back when it is one too many: plain commands cost
// Redis half of what a script does that looks before it writes.
func (c *Core) write(ctx context.Context, h *host, queues []queue) (full []int, err error) {
	now, b := c.clock.next(), h.client.B()
	old := before(now, c.opts.Expiry)
	cmds := make(rueidis.Commands, 0, commandsOfAQueue*len(queues))
	for _, q := range queues {
		key := c.opts.Prefix + q.nonLocal
		cmds = append(cmds,
			b.Zremrangebyscore().Key(key).Min("0").Max(old).Build(),
			b.Zadd().Key(key).ScoreMember().ScoreMember(now, q.value).Build(),
			b.Expire().Key(key).Seconds(int64(c.opts.Expiry.Seconds())).Build(),
			b.Zcard().Key(key).Build())
	}
	results := h.client.DoMulti(ctx, cmds...)
	if err := firstError(results); err != nil {
		return nil, err
	}
	for i, q := range queues {
		n, err := results[commandsOfAQueue*i+commandsOfAQueue-1].AsInt64()
		if err != nil {
			return full, err
		}
		if n <= int64(q.capacity) {
			continue
		}
		taken, err := h.client.Do(ctx, b.Zrem().Key(c.opts.Prefix+q.nonLocal).Member(q.value).Build()).AsInt64()
		if err != nil {
			return full, err
		}
		if taken > 0 { // else it was read meanwhile
			full = append(full, i)
		}
	}
	return full, nil
}

// before is the score up to which something is older than an age, as Python reckons it.
func before(now float64, age time.Duration) string {
	return strconv.Itoa(int(now) - int(age.Seconds()))
}

// GroupSend sends a message to every channel of a group: one copy to each process that has members. Where a process's queue is full the message is lost for
// all of its members, and counted by their number under the group's name. Errors: ErrName, ErrMessage; those of Redis, after which the message may have been sent
// to some members, or all.
func (c *Core) GroupSend(ctx context.Context, group string, m channels.Message) error {
	err := c.check(ctx)
	if err != nil {
		return err
	}
	var p packed
	if err = channels.CheckGroup(group); err == nil {
		p, err = c.wire.pack(m)
	}
	if err == nil {
		err = c.groupSend(ctx, group, p)
	}
	if err = told(err, c.ctx); err != nil && !errors.Is(err, channels.ErrLayerClosed) {
		return fmt.Errorf("send to group %s: %w", group, err)
	}
	return err
}

func (c *Core) groupSend(ctx context.Context, group string, p packed) error {
	h := c.opts.shard(group)
	key := c.opts.Prefix + groupInfix + group
	b := h.client.B()
	// Python removes expired members first; here who renews a membership does that, and a send passes them by.
	since := "(" + before(seconds(time.Now()), c.opts.GroupExpiry)
	members, err := h.client.Do(ctx, b.Zrangebyscore().Key(key).Min(since).Max("+inf").Build()).AsStrSlice()
	if err != nil {
		return err
	}
	queues, err := c.queues(members, p)
	if err != nil || len(queues) == 0 {
		return err
	}
	if len(c.opts.hosts) == 1 {
		return c.writeGroup(ctx, h, group, queues)
	}
	byHost := map[*host][]queue{}
	for _, q := range queues {
		h := c.opts.shard(q.nonLocal)
		byHost[h] = append(byHost[h], q)
	}
	errs := make([]error, 0, len(byHost))
	for h, queues := range byHost {
		errs = append(errs, c.writeGroup(ctx, h, group, queues))
	}
	return errors.Join(errs...)
}

// queues puts a group's members together by the queue they are reached by, in their order.
func (c *Core) queues(members []string, p packed) ([]queue, error) {
	var queues []queue
	index := make(map[string]int, 4)
	for _, name := range members {
		key := nonLocal(name)
		i, ok := index[key]
		if !ok {
			i = len(queues)
			index[key] = i
			queues = append(queues, queue{nonLocal: key, capacity: c.opts.capacities.Of(name)})
		}
		queues[i].members = append(queues[i].members, name)
	}
	var err error
	for i := range queues {
		if queues[i].value, err = c.wire.value(p, queues[i].members); err != nil {
			return nil, err
		}
	}
	return queues, nil
}

func (c *Core) writeGroup(ctx context.Context, h *host, group string, queues []queue) error {
	full, err := c.write(ctx, h, queues)
	for _, i := range full {
		c.losses.Add(group, channels.LossFull, len(queues[i].members))
	}
	return err
}
