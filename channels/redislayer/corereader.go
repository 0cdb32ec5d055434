package redislayer

import (
	"context"
	"strings"
	"sync"

	"github.com/redis/rueidis"

	"github.com/teahouse-chat/teahouse/channels"
)

// popAtOnce is how many messages are taken in one trip.
const popAtOnce = 100

// A reader takes the messages of own channels off one host and hands them to their mailboxes. It is never interrupted before Close, so it loses nothing
// when channels come and go; and it waits for no receiver.
type reader struct {
	// Static.
	core *Core
	host *host
	key  string

	broken bool // owned by run: nothing was read since the connection broke

	mu     sync.Mutex
	over   bool
	client rueidis.Client // nil until connected
	dialed *connections
}

// run reads until ctx ends and interrupt is called.
func (r *reader) run(ctx context.Context) {
	var b backoff
	for ctx.Err() == nil {
		err := r.readOn(ctx, &b)
		if ctx.Err() != nil {
			break
		}
		r.failed(err)
		if !b.wait(ctx) {
			break
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.client != nil {
		closeClient(r.client, r.dialed)
	}
}

// interrupt ends a read that waits.
func (r *reader) interrupt() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	if r.dialed != nil {
		r.dialed.close()
	}
}

// connected is the client, connected when it wasn't yet.
func (r *reader) connected() (rueidis.Client, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.client != nil {
		return r.client, nil
	}
	client, dialed, err := r.host.open(listenWithin)
	if err != nil {
		if client != nil {
			closeClient(client, dialed)
		}
		return nil, err
	}
	r.client, r.dialed = client, dialed
	if r.over {
		dialed.close()
	}
	return client, nil
}

// readOn reads until something is wrong.
func (r *reader) readOn(ctx context.Context, b *backoff) error {
	client, err := r.connected()
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		build := client.B()
		results := client.DoMulti(context.Background(), // whatever is taken must be heard of
			// BZPOPMIN isn't built as the blocking command it is: the connection is this reader's alone.
			build.Arbitrary("BZPOPMIN").Keys(r.key).Args(score(blockFor.Seconds())).Build(),
			build.Zpopmin().Key(r.key).Count(popAtOnce).Build())
		first, err := popped(results[0])
		if err == nil {
			r.core.arrived(first.Member)
		} else if !rueidis.IsRedisNil(err) {
			return err
		}
		more, err := results[1].AsZScores()
		if err != nil {
			return err
		}
		for _, m := range more {
			r.core.arrived(m.Member)
		}
		b.tries, r.broken = 0, false
	}
	return nil
}

// failed deals with an error: what was on its way is lost, and Redis may have forgotten us.
func (r *reader) failed(err error) {
	r.host.broke(err)
	redisErr, answered := rueidis.IsRedisErr(err)
	switch {
	case !answered && !r.broken:
		r.broken = true
		r.core.disconnected()
	case answered && strings.HasPrefix(redisErr.Error(), "WRONGTYPE"): // somebody wrote something else to our own key
		ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
		defer cancel()
		r.host.client.Do(ctx, r.host.client.B().Del().Key(r.key).Build())
		r.core.losses.Add("", channels.LossUndecodable, 1)
	}
}

// disconnected counts that messages may have been lost, once for each group and once for what was sent to channels.
func (c *Core) disconnected() {
	c.losses.Add("", channels.LossDisconnected, 1)
	for _, r := range c.rosters {
		r.doubt()
		r.start(&change{kind: countBreak})
	}
}

// arrived hands a message to the channels it is for.
func (c *Core) arrived(value string) {
	body, err := c.wire.open(value)
	var m channels.Message
	var names []string
	if err == nil {
		m, names, err = c.wire.message(body)
	}
	if err != nil || len(names) == 0 {
		c.losses.Add("", channels.LossUndecodable, 1)
		return
	}
	to := make([]*mailbox, 0, len(names))
	c.mu.RLock()
	for _, name := range names {
		if b := c.own[name]; b != nil { // else it was forgotten a moment ago
			to = append(to, b)
		}
	}
	c.mu.RUnlock()
	deliver(m, "", to)
}
