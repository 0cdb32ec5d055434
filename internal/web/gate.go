package web

import (
	"sync"

	"github.com/teahouse-chat/teahouse/internal/chat"
	"github.com/teahouse-chat/teahouse/internal/ratelimit"
)

// How many may follow at once, and how fast new ones may come.
const (
	perAddress            = 100
	perGuest              = 20
	enterRate, enterBurst = 20, 100
)

// A gate counts the connections that are held open: sockets, streams and long-polls. Its methods may be called concurrently.
type gate struct {
	most     int
	limits   bool
	entering *ratelimit.Limiter // by address; nil without limits

	mu    sync.Mutex
	total int
	by    map[string]int // by address and by guest, with limits
}

func newGate(limits bool, most int) *gate {
	g := &gate{most: most, limits: limits, by: map[string]int{}}
	if limits {
		g.entering = ratelimit.New(enterRate, enterBurst)
	}
	return g
}

// enter admits a connection of an author. The caller calls leave, once, when it ends. Errors: errCrowded, errFull.
func (g *gate) enter(address string, a chat.Author) error {
	if ok, _ := g.entering.Allow(address); !ok {
		return errCrowded
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.total >= g.most {
		return errFull
	}
	if g.limits {
		if g.by[address] >= perAddress || a.Proved() && g.by[a.ID] >= perGuest {
			return errCrowded
		}
		g.by[address]++
		if a.Proved() {
			g.by[a.ID]++
		}
	}
	g.total++
	return nil
}

// leave counts out a connection that enter admitted. Its author may have another name by then, and a proved one has the same id.
func (g *gate) leave(address string, a chat.Author) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.total--
	if g.limits {
		g.forget(address)
		if a.Proved() {
			g.forget(a.ID)
		}
	}
}

// forget counts one less. mu must be held.
func (g *gate) forget(key string) {
	if g.by[key]--; g.by[key] <= 0 {
		delete(g.by, key)
	}
}

// count is how many are held open.
func (g *gate) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.total
}
