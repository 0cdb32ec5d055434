//go:build linux

package e2e

import (
	"net"
	"net/url"
	"sync"
	"testing"
	"time"
)

// A direction is one half of a connection, as the browser sees it.
type direction int

const (
	up   direction = iota
	down           // from the server to the browser
)

// A proxy stands between browsers and a server as a network does: it forwards bytes, and does so badly when it is told to.
type proxy struct {
	target   string
	listener net.Listener
	done     sync.WaitGroup

	mu      sync.Mutex
	closed  *sync.Cond // of mu: links were closed
	refuses bool
	links   map[*link]bool
	blades  [2]*blade // by direction
}

// A link is a browser's connection and the one to the server that belongs to it.
type link struct {
	ends [2]*net.TCPConn // the browser, the server
	dead bool            // it holds what it gets and never closes; guarded by the proxy's mu
}

// A blade cuts all connections once so many more bytes have passed.
type blade struct {
	left int
	fell chan struct{}
}

// newProxy forwards to target, like "127.0.0.1:8000", until the test ends.
func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{target: target, listener: l, links: map[*link]bool{}}
	p.closed = sync.NewCond(&p.mu)
	p.done.Go(p.accept)
	t.Cleanup(func() {
		l.Close()
		p.cut()
		p.done.Wait()
	})
	return p
}

// front is the server as one sees it through the proxy: its URLs, not its process.
func (p *proxy) front(s *teahouse) *teahouse {
	s.t.Helper()
	u, err := url.Parse(s.room)
	if err != nil {
		s.t.Fatal(err)
	}
	u.Host = p.listener.Addr().String()
	return &teahouse{t: s.t, room: u.String()}
}

func (p *proxy) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return // closed at the end of the test
		}
		p.done.Go(func() { p.serve(c.(*net.TCPConn)) })
	}
}

// serve runs one connection to its end. One that is refused is reset, as when nobody listens.
func (p *proxy) serve(browser *net.TCPConn) {
	server, err := net.DialTimeout("tcp", p.target, 5*time.Second)
	if err != nil {
		reset(browser)
		return
	}
	l := &link{ends: [2]*net.TCPConn{browser, server.(*net.TCPConn)}}
	p.mu.Lock()
	if p.refuses {
		l.reset()
	}
	p.links[l] = true
	p.mu.Unlock()
	var halves sync.WaitGroup
	halves.Go(func() { p.forward(l, up) })
	halves.Go(func() { p.forward(l, down) })
	halves.Wait()
	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
	browser.Close()
	server.Close()
}

// forward copies one direction to its end.
func (p *proxy) forward(l *link, d direction) {
	from, to := l.ends[d], l.ends[1-d]
	defer to.CloseWrite()
	b := make([]byte, 16<<10)
	for {
		n, err := from.Read(b)
		pass, last := p.pass(l, d, n)
		if pass > 0 {
			if _, err := to.Write(b[:pass]); err != nil {
				return
			}
		}
		if last {
			p.cut()
			return
		}
		if err != nil {
			return
		}
	}
}

// pass says how many of n bytes may go on, and whether the blade falls behind them. On a dead link it waits for the cut.
func (p *proxy) pass(l *link, d direction, n int) (pass int, last bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l.dead && p.links[l] {
		p.closed.Wait()
	}
	if !p.links[l] {
		return 0, false
	}
	blade := p.blades[d]
	if blade == nil || n < blade.left {
		if blade != nil {
			blade.left -= n
		}
		return n, false
	}
	p.blades[d] = nil
	close(blade.fell)
	return blade.left, true
}

// cut ends all connections at once. New ones are taken.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		delete(p.links, l)
		l.reset()
	}
	p.closed.Broadcast()
}

// cutAfter cuts all connections when exactly n more bytes have passed in a direction, n ≥ 1. The channel is closed when it happens.
func (p *proxy) cutAfter(d direction, n int) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.blades[d] = &blade{left: n, fell: make(chan struct{})}
	return p.blades[d].fell
}

// sheathe takes the blades away that haven't fallen.
func (p *proxy) sheathe() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.blades = [2]*blade{}
}

// refuse cuts all connections and takes no new ones until it is told otherwise.
func (p *proxy) refuse(on bool) {
	p.mu.Lock()
	p.refuses = on
	p.mu.Unlock()
	if on {
		p.cut()
	}
}

// forget makes the connections that there are dead ones: nothing arrives any more, and nobody is told. New ones work. So does a router
// that has lost its table while a phone slept.
func (p *proxy) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.dead = true
	}
}

// reset closes both ends with a reset in place of a farewell.
func (l *link) reset() {
	for _, c := range l.ends {
		reset(c)
	}
}

func reset(c *net.TCPConn) {
	_ = c.SetLinger(0) // it may be closed
	_ = c.Close()
}
