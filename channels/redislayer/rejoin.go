package redislayer

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/redis/rueidis"

	"github.com/teahouse-chat/teahouse/channels"
)

// look looks whether Redis is there and remembers this process. When it doesn't, or was away, or it is time, all memberships are written again.
func (r *roster) look() {
	ctx, cancel := context.WithTimeout(context.Background(), lookWithin)
	defer cancel()
	b, ttl := r.host.client.B(), int64(aliveFor.Seconds())
	results := r.host.client.DoMulti(ctx, b.Set().Key(r.alive).Value("1").Nx().ExSeconds(ttl).Build(), b.Expire().Key(r.alive).Seconds(ttl).Build())
	err := results[0].Error()
	if err != nil && !rueidis.IsRedisNil(err) { // nil: the key is there
		r.doubt()
		r.host.broke(err)
		return
	}
	r.host.back()
	forgotten := err == nil && r.known
	r.known = true
	r.mu.Lock()
	suspect := r.suspect || forgotten
	r.suspect = false
	r.mu.Unlock()
	if suspect || time.Since(r.renewed) >= r.renew {
		if err := r.rejoin(time.Now()); err != nil {
			r.doubt()
			r.host.broke(err)
			return
		}
	}
	r.pay()
}

// rejoin writes all memberships again, and removes those of others that expired. Own ones that weren't there tell that messages went by.
func (r *roster) rejoin(now time.Time) error {
	var cmds rueidis.Commands
	var of []string // the group that a command adds to
	missing := map[string]struct{}{}
	defer func() {
		for group := range missing {
			r.core.losses.Add(group, channels.LossForgotten, 1)
		}
	}()
	write := func() error {
		err := r.writeAgain(cmds, of, missing)
		cmds, of = nil, nil
		return err
	}
	for group := range r.members.byGroup {
		list := r.due(group, now)
		if len(list) == 0 {
			continue
		}
		cmds = append(cmds, r.host.client.B().Zremrangebyscore().Key(r.key(group)).Min("0").Max(before(seconds(now), r.core.opts.GroupExpiry)).Build())
		of = append(of, "")
		add := r.addCommands(group, list)
		for range add[1:] {
			of = append(of, group)
		}
		cmds, of = append(cmds, add...), append(of, "")
		if len(cmds) >= maxBatch {
			if err := write(); err != nil {
				return err
			}
		}
	}
	if err := write(); err != nil {
		return err
	}
	r.renewed = now
	if len(missing) > 0 {
		r.host.log.Warn("Redis had forgotten groups, joined them again", slog.String("host", r.host.name), slog.Int("groups", len(missing)))
	}
	return nil
}

// due are a group's members with the time that Redis is to know: now for those in use, else when they were added. One that expired is forgotten.
func (r *roster) due(group string, now time.Time) []member {
	var list []member
	expired := now.Add(-r.core.opts.GroupExpiry)
	for channel, at := range r.members.byGroup[group] {
		switch {
		case r.core.used(channel, expired):
			at = now
			r.members.add(group, channel, at)
		case at.Before(expired):
			r.members.remove(group, channel)
			continue
		}
		list = append(list, member{channel, at})
	}
	return list
}

// writeAgain sends commands that add to groups, and notes the groups that members were missing in.
func (r *roster) writeAgain(cmds rueidis.Commands, of []string, missing map[string]struct{}) error {
	ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
	defer cancel()
	for i, result := range r.host.client.DoMulti(ctx, cmds...) {
		n, err := result.AsInt64()
		if err != nil && lost(err) {
			return err
		}
		if n > 0 && of[i] != "" {
			missing[of[i]] = struct{}{}
		}
	}
	return nil
}

// pay removes what may be there and shouldn't.
func (r *roster) pay() {
	var cmds rueidis.Commands
	for m := range r.owed {
		cmds = append(cmds, r.removeCommands(m.group, m.channel)...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
	defer cancel()
	if firstError(r.host.client.DoMulti(ctx, cmds...)) == nil {
		clear(r.owed)
	}
}

// leave takes all members out of their groups, as far as Redis answers in time. Who still waits is told that the layer was closed.
func (r *roster) leave() {
	r.mu.Lock()
	r.closed = true
	changes := r.changes
	r.changes = nil
	r.mu.Unlock()
	for _, c := range changes {
		c.done <- channels.ErrLayerClosed
	}
	cmds := rueidis.Commands{r.host.client.B().Del().Key(r.alive).Build()}
	for m := range r.owed {
		r.members.add(m.group, m.channel, time.Time{})
	}
	for group, list := range r.members.byGroup {
		cmds = append(cmds, r.removeCommands(group, slices.Collect(maps.Keys(list))...)...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
	defer cancel()
	r.host.client.DoMulti(ctx, cmds...)
}
