package channels

import (
	"runtime"
	"sync"
	"time"
)

// A crew works through the inboxes of connections. It has a hand for each processor, who goes from one connection to the next, and ends when none is left: so a
// message to a thousand connections doesn't cost a thousand goroutines, each of which would grow its stack anew. A hand that is held up by a handler, because it waits for
// something, is replaced after a moment; so handlers never wait for each other's work.
type crew struct {
	mu    sync.Mutex // guards what follows; after a connection's mu
	ready []*Conn    // whose inboxes are to be worked through, in order
	busy  int        // hands that aren't held up
	held  int        // hands that are
	hands map[*hand]bool
	watch *time.Timer // runs while some are ready and no hand is free
}

// A hand is one goroutine of a crew.
type hand struct {
	calls int  // connections taken; tells whether it gets on
	seen  int  // calls when the watch looked
	held  bool // it is held up, and isn't counted as busy
}

// heldUp is how often the watch looks: a hand that is with the same connection as then is held up.
const heldUp = time.Millisecond

// add has a connection's inbox worked through.
func (cr *crew) add(c *Conn) {
	cr.mu.Lock()
	defer cr.mu.Unlock()
	cr.ready = append(cr.ready, c)
	cr.hire()
}

// wanted is how many hands may be busy: one for each processor, or as many as are held up, so that they double with each look. mu must be held.
func (cr *crew) wanted() int { return max(runtime.GOMAXPROCS(0), cr.held) }

// hire starts a hand for what is ready, if fewer are busy than wanted, or has the watch look whether some are held up. mu must be held.
func (cr *crew) hire() {
	switch {
	case len(cr.ready) == 0:
	case cr.busy < cr.wanted():
		if cr.hands == nil {
			cr.hands = map[*hand]bool{}
		}
		h := &hand{}
		cr.hands[h] = true
		cr.busy++
		go cr.work(h)
	case cr.watch == nil:
		cr.watch = time.AfterFunc(heldUp, cr.look)
	}
}

// look replaces the hands that are held up.
func (cr *crew) look() {
	cr.mu.Lock()
	defer cr.mu.Unlock()
	cr.watch = nil
	for h := range cr.hands {
		if !h.held && h.calls == h.seen {
			h.held = true
			cr.busy--
			cr.held++
		}
		h.seen = h.calls
	}
	cr.hire()
}

// work is a hand's life.
func (cr *crew) work(h *hand) {
	for {
		c := cr.take(h)
		if c == nil {
			return
		}
		c.work()
	}
}

// take returns the next connection that is ready; nil when the hand isn't needed any more.
func (cr *crew) take(h *hand) *Conn {
	cr.mu.Lock()
	defer cr.mu.Unlock()
	if h.held {
		h.held = false
		cr.busy++
		cr.held--
	}
	if len(cr.ready) == 0 || cr.busy > cr.wanted() {
		cr.busy--
		delete(cr.hands, h)
		return nil
	}
	c := cr.ready[0]
	cr.ready[0] = nil
	if cr.ready = cr.ready[1:]; len(cr.ready) == 0 {
		cr.ready = nil
	}
	h.calls++
	cr.hire() // for the next
	return c
}
