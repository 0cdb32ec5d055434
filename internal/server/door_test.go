package server

import (
	"net"
	"net/http"
	"net/netip"
	"testing"
)

type conn struct {
	net.Conn
	addr   string
	closed bool
}

func (c *conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(c.addr)) }
func (c *conn) Close() error         { c.closed = true; return nil }

func TestIdleConnectionsDoNotUseUpTheDescriptors(t *testing.T) {
	d := newDoor(250, true, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")})
	enter := func(addr string) *conn {
		c := &conn{addr: addr}
		d.watch(c, http.StateNew)
		return c
	}
	var first *conn
	for i := range 100 {
		c := enter("192.0.2.1:1000")
		if first == nil {
			first = c
		}
		if c.closed {
			t.Fatalf("connection %d was closed", i)
		}
	}
	over := enter("192.0.2.1:1000")
	if !over.closed {
		t.Error("the 101st of an address was let in")
	}
	d.watch(over, http.StateClosed)
	if enter("192.0.2.2:1000").closed {
		t.Error("another address was kept out")
	}
	d.watch(first, http.StateHijacked) // upgraded: its socket is counted elsewhere
	if enter("192.0.2.1:1000").closed {
		t.Error("an upgraded connection still counts")
	}
	for i := range 149 {
		if enter("10.0.0.1:1000").closed {
			t.Fatalf("connection %d of a trusted proxy was closed", i)
		}
	}
	if !enter("192.0.2.3:1000").closed {
		t.Error("the 251st in all was let in")
	}
}
