package web

import (
	"sync"

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
	by    map[string]int // by address and by guest
}

func newGate(limits bool, most int) *gate {
	g := &gate{most: most, limits: limits, by: map[string]int{}}
	if limits {
		g.entering = ratelimit.New(enterRate, enterBurst)
	}
	return g
}

// enter admits a connection; guest is the id of an author who proved it, else "". The caller calls release, once, when the
// connection ends. Errors: errCrowded, errFull.
func (g *gate) enter(address, guest string) (release func(), err error) {
	if ok, _ := g.entering.Allow(address); !ok {
		return nil, errCrowded
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.total >= g.most {
		return nil, errFull
	}
	if !g.limits {
		g.total++
		return g.leave, nil
	}
	if g.by[address] >= perAddress || guest != "" && g.by[guest] >= perGuest {
		return nil, errCrowded
	}
	g.total++
	g.by[address]++
	if guest != "" {
		g.by[guest]++
	}
	return func() { g.leave(); g.forget(address); g.forget(guest) }, nil
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.total--
}

func (g *gate) forget(key string) {
	g.mu.Lock()
	defer g.mu.Unlock()
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
