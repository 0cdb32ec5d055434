package feed

import (
	"container/list"
	"context"
	"errors"
	"sync"

	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/fanout"
)

const (
	blockEvents     = 256       // events are read from the log by aligned blocks of so many,
	blockBytes      = 256 << 10 // which end early when their encoding is larger
	blockCacheBytes = 8 << 20   // of encoded blocks kept
	recentBytes     = 1 << 20   // of a topic's events kept in memory
)

// supply brings a member that is behind the tail forward by one piece of the log.
func (t *Topic) supply(m *fanout.Membership, enc Encoding, cursor eventlog.Offset) {
	for try := 0; !m.Left(); try++ {
		b, upto, err := t.piece(enc, cursor)
		if errors.Is(err, eventlog.ErrTrimmed) {
			b, upto, err = t.reset(enc)
		}
		if err == nil && upto > cursor {
			m.Supply(b, int64(upto))
			return
		}
		if err == nil {
			err = errNothing
		}
		if !t.feed.pause(try, t, err) {
			return
		}
	}
}

// errNothing says that the log has no more than the tail forgot: it never does, but for a log that breaks its contract.
var errNothing = errors.New("nothing past the cursor")

// reset returns what a member is told whose cursor can't be served any more.
func (t *Topic) reset(enc Encoding) ([]byte, eventlog.Offset, error) {
	states, err := t.feed.log.States(t.feed.ctx, t.id)
	if err != nil {
		return nil, 0, err
	}
	b, upto := t.feed.encoder.AppendReset(nil, enc, t.title, t.feed.Epoch(), states[0])
	return b, upto, nil
}

// piece returns the encoded events past the cursor as far as the cursor's block goes.
func (t *Topic) piece(enc Encoding, cursor eventlog.Offset) ([]byte, eventlog.Offset, error) {
	key := blockKey{t.id, enc, cursor / blockEvents}
	b, err := t.feed.blocks.get(key, func() (*block, error) {
		return t.encodeBlock(enc, key.number*blockEvents)
	})
	if errors.Is(err, eventlog.ErrTrimmed) || err == nil && b.upto() <= cursor {
		// The floor is within the block, or it ends early, or it was read before the event was there.
		b, err = t.encodeBlock(enc, cursor)
	}
	if err != nil {
		return nil, 0, err
	}
	return b.past(cursor), b.upto(), nil
}

// encodeBlock reads and encodes the events past a cursor, to the end of its block or until they are large.
func (t *Topic) encodeBlock(enc Encoding, after eventlog.Offset) (*block, error) {
	limit := blockEvents - int(after%blockEvents)
	events, err := t.Read(t.feed.ctx, after, limit)
	if err != nil {
		return nil, err
	}
	b := &block{after: after, whole: len(events) == limit}
	for i := range events {
		if len(b.bytes) >= blockBytes {
			b.whole = true
			break
		}
		b.bytes = t.feed.encoder.AppendEvent(b.bytes, enc, t.title, &events[i])
		b.ends = append(b.ends, len(b.bytes))
	}
	return b, nil
}

// A block is encoded events in a row.
type block struct {
	after eventlog.Offset // the cursor it begins at
	bytes []byte
	ends  []int // where each event ends
	whole bool  // it won't hold more when it is read again
}

// upto is the offset that the block reaches.
func (b *block) upto() eventlog.Offset { return b.after + eventlog.Offset(len(b.ends)) }

// past returns the bytes past a cursor.
func (b *block) past(cursor eventlog.Offset) []byte {
	switch n := int(cursor - b.after); {
	case n >= len(b.ends):
		return nil
	case n == 0:
		return b.bytes
	default:
		return b.bytes[b.ends[n-1]:]
	}
}

type blockKey struct {
	topic  string
	enc    Encoding
	number eventlog.Offset
}

// A blockCache keeps the whole blocks that were used last and lets one read of a block serve all who want it meanwhile, so 5,000
// clients that come back at once cost a topic a few reads.
type blockCache struct {
	budget int

	mu      sync.Mutex
	bytes   int
	flights map[blockKey]*flight
	entries map[blockKey]*list.Element // of *cached
	used    *list.List                 // the last used first
}

type flight struct {
	done  chan struct{}
	block *block
	err   error
}

type cached struct {
	key   blockKey
	block *block
}

func newBlockCache(budget int) *blockCache {
	return &blockCache{budget: budget, flights: map[blockKey]*flight{}, entries: map[blockKey]*list.Element{}, used: list.New()}
}

// get returns a block from the cache, or from a read that is under way, or by load.
func (c *blockCache) get(key blockKey, load func() (*block, error)) (*block, error) {
	c.mu.Lock()
	if e := c.entries[key]; e != nil {
		c.used.MoveToFront(e)
		c.mu.Unlock()
		return e.Value.(*cached).block, nil
	}
	if fl := c.flights[key]; fl != nil {
		c.mu.Unlock()
		<-fl.done
		return fl.block, fl.err
	}
	fl := &flight{done: make(chan struct{}), err: context.Canceled}
	c.flights[key] = fl
	c.mu.Unlock()

	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.flights[key] == fl { // not dropped meanwhile
			delete(c.flights, key)
			if fl.err == nil && fl.block.whole {
				c.keep(key, fl.block)
			}
		}
		close(fl.done)
	}()
	fl.block, fl.err = load()
	return fl.block, fl.err
}

// keep adds a block and drops those used longest ago while there are too many bytes. mu must be held.
func (c *blockCache) keep(key blockKey, b *block) {
	c.entries[key] = c.used.PushFront(&cached{key, b})
	c.bytes += len(b.bytes)
	for c.bytes > c.budget && c.used.Len() > 1 {
		c.remove(c.used.Back())
	}
}

// remove drops an entry. mu must be held.
func (c *blockCache) remove(e *list.Element) {
	old := c.used.Remove(e).(*cached)
	delete(c.entries, old.key)
	c.bytes -= len(old.block.bytes)
}

// drop forgets the blocks of a topic: what they hold has changed.
func (c *blockCache) drop(topic string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, e := range c.entries {
		if key.topic == topic {
			c.remove(e)
		}
	}
	for key := range c.flights {
		if key.topic == topic {
			delete(c.flights, key)
		}
	}
}
