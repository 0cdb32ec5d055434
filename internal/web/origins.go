package web

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"
)

// origins says which names the server goes by and whose pages may use it. Its methods may be called concurrently.
type origins struct {
	public  *url.URL            // nil: the machine's own addresses
	allowed map[string]struct{} // origins of other sites
	own     *ownAddresses
}

func newOrigins(public *url.URL, allow []*url.URL) origins {
	o := origins{public: public, allowed: map[string]struct{}{}, own: &ownAddresses{}}
	for _, u := range allow {
		o.allowed[originOf(u.Scheme, u.Host)] = struct{}{}
	}
	return o
}

// originOf writes an origin the way that browsers do: lower case, without the scheme's own port.
func originOf(scheme, host string) string {
	host = strings.ToLower(host)
	switch scheme {
	case "http":
		host = strings.TrimSuffix(host, ":80")
	case "https":
		host = strings.TrimSuffix(host, ":443")
	}
	return scheme + "://" + host
}

// goesBy reports whether host, of a Host header, is a name of this server.
func (o *origins) goesBy(host string) bool {
	if o.public != nil {
		return originOf(o.public.Scheme, host) == originOf(o.public.Scheme, o.public.Host)
	}
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	name = strings.ToLower(strings.Trim(name, "[]"))
	if name == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(name)
	return err == nil && (addr == netip.MustParseAddr("127.0.0.1") || addr == netip.IPv6Loopback() || o.own.has(addr.Unmap().WithZone("")))
}

// mayUse reports whether a page of origin may use the server, for a request that came to it by scheme and host; foreign
// is true when it may and is not the server's own. Only the name that the request was made to is the server's own: what listens at
// another, like localhost for 127.0.0.1, may be another program.
func (o *origins) mayUse(origin, scheme, host string) (may, foreign bool) {
	if o.public != nil {
		scheme, host = o.public.Scheme, o.public.Host
	}
	if origin == originOf(scheme, host) {
		return true, false
	}
	_, may = o.allowed[origin]
	return may, may
}

// share lets the scripts of an allowed foreign page read the answer (Fetch standard, CORS).
func (o *origins) share(w http.ResponseWriter, origin string) {
	w.Header().Set("Access-Control-Allow-Origin", origin)
	w.Header().Set("Access-Control-Expose-Headers", "Retry-After")
}

// preflight answers what a browser asks before it lets a foreign page send.
func (o *origins) preflight(w http.ResponseWriter, methods string) {
	if w.Header().Get("Access-Control-Allow-Origin") != "" {
		w.Header().Set("Access-Control-Allow-Methods", methods)
		w.Header().Set("Access-Control-Allow-Headers", "Content-Type, Idempotency-Key, Last-Event-ID")
		w.Header().Set("Access-Control-Max-Age", "600")
	}
	w.WriteHeader(http.StatusNoContent)
}

// ownAddresses are those of the machine's interfaces, which may change.
type ownAddresses struct {
	mu    sync.Mutex
	addrs map[netip.Addr]struct{}
	read  time.Time
}

func (o *ownAddresses) has(addr netip.Addr) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, ok := o.addrs[addr]; ok {
		return true
	}
	if time.Since(o.read) < 10*time.Second {
		return false
	}
	o.read = time.Now()
	o.addrs = map[netip.Addr]struct{}{}
	list, err := net.InterfaceAddrs()
	if err != nil {
		return false // then it goes by localhost only
	}
	for _, a := range list {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			o.addrs[p.Addr().Unmap().WithZone("")] = struct{}{}
		}
	}
	_, ok := o.addrs[addr]
	return ok
}
