package server

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
)

// perAddress is how many plain HTTP connections an address may have open. Sockets leave the count when they are upgraded: those have
// limits of their own.
const perAddress = 100

// A door counts the connections that speak plain HTTP, so that idle ones don't use up the descriptors: one too many is closed at
// once. Its methods may be called concurrently.
type door struct {
	most    int  // in all
	limits  bool // by address as well
	trusted []netip.Prefix

	mu    sync.Mutex
	total int
	by    map[netip.Addr]int
}

func newDoor(most int, limits bool, trusted []netip.Prefix) *door {
	return &door{most: most, limits: limits, trusted: trusted, by: map[netip.Addr]int{}}
}

// watch is for http.Server.ConnState.
func (d *door) watch(c net.Conn, s http.ConnState) {
	switch s {
	case http.StateNew:
		if !d.enter(d.key(c)) {
			_ = c.Close() // its StateClosed follows and is counted
		}
	case http.StateHijacked, http.StateClosed:
		d.leave(d.key(c))
	}
}

// key is the address to count by; the zero one isn't limited: behind a trusted proxy there are many.
func (d *door) key(c net.Conn) netip.Addr {
	at, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil || !d.limits {
		return netip.Addr{}
	}
	addr := at.Addr().Unmap().WithZone("")
	for _, p := range d.trusted {
		if p.Contains(addr) {
			return netip.Addr{}
		}
	}
	return addr
}

func (d *door) enter(addr netip.Addr) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.total++
	d.by[addr]++
	return d.total <= d.most && (!addr.IsValid() || d.by[addr] <= perAddress)
}

func (d *door) leave(addr netip.Addr) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.total--
	if d.by[addr]--; d.by[addr] <= 0 {
		delete(d.by, addr)
	}
}
