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

// Send sends a message to one channel. With several hosts, what is for a process goes to the host by the hash of what stands before the "!", which
// that process reads (channels_redis hashes all of the name, and may lose it); what is for an open channel goes to the hosts in turn. Errors:
// ErrName, ErrMessage, ErrChannelFull; those of Redis, after which the message may have been sent all the same.
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
	o := c.outboxes[int(c.turn.Add(1)%uint64(len(c.outboxes)))]
	var to any
	if channels.IsLocal(channel) {
		o, to = c.outbox(nonLocal(channel)), channel
	}
	q := queue{nonLocal: nonLocal(channel), capacity: c.opts.capacities.Of(channel)}
	var err error
	if q.value, err = c.wire.value(p, to); err != nil {
		return err
	}
	full, err := o.write(ctx, []queue{q})
	if err == nil && len(full) > 0 {
		return channels.ErrChannelFull
	}
	return err
}

// before is the score up to which something is older than an age, as Python reckons it.
func before(now float64, age time.Duration) string {
	return strconv.Itoa(int(now) - int(age.Seconds()))
}

// GroupSend sends a message to every channel of a group: one copy to each process that has members. Where a process's queue is full the message is
// lost for all of its members, and counted by their number under the group's name. Errors: ErrName, ErrMessage; those of Redis, after which the
// message may have been sent to some members, or all.
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
	queues, err := c.outbox(group).queues(ctx, group)
	if err != nil || len(queues) == 0 {
		return err
	}
	byHost := map[*outbox][]queue{}
	for _, q := range queues {
		if q.value, err = c.wire.value(p, q.members); err != nil {
			return err
		}
		o := c.outbox(q.nonLocal)
		byHost[o] = append(byHost[o], q)
	}
	errs := make([]error, 0, len(byHost))
	for o, queues := range byHost {
		full, err := o.write(ctx, queues)
		for _, i := range full {
			c.losses.Add(group, channels.LossFull, len(queues[i].members))
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// outbox is that of the host that a name belongs to.
func (c *Core) outbox(name string) *outbox { return c.outboxes[shard(name, len(c.outboxes))] }

// queues puts a group's members together by the queue they are reached by, in their order.
func (c *Core) queues(members []string) []queue {
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
	return queues
}
