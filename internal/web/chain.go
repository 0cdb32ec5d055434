package web

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"

	"github.com/teahouse-chat/teahouse/internal/chat"
)

// What one address may do a second: requests of all kinds, and posts.
const (
	requestRate, requestBurst = 50, 300
	postRate, postBurst       = 30, 120
	maxHeaderLines            = 100
)

// chain puts what every request passes before and after its own handler.
func (h *Handler) chain(next http.Handler) http.Handler {
	var post http.CrossOriginProtection
	post.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.fail(w, r, errOrigin) }))
	for origin := range h.origins.allowed {
		_ = post.AddTrustedOrigin(origin) // was parsed by the server
	}
	if p := h.opts.PublicURL; p != nil {
		_ = post.AddTrustedOrigin(originOf(p.Scheme, p.Host)) // was parsed by the server
	}
	return h.recover(h.locate(h.admit(post.Handler(next))))
}

// recover turns a handler's panic into a log record. The connection ends: how much of an answer was written isn't known.
func (h *Handler) recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			e := recover()
			if e == nil || e == http.ErrAbortHandler {
				return
			}
			h.opts.Logger.Error("handler panicked", "method", r.Method, "path", clip(r.URL.Path), "err", e, "stack", string(debug.Stack()))
			panic(http.ErrAbortHandler)
		}()
		next.ServeHTTP(w, r)
	})
}

// A place is where a request comes from and what it reached.
type place struct {
	address string // of the client, an IPv6 one only its /64
	scheme  string
}

type placeKey struct{}

// addressOf returns the client's address, by which limits count.
func addressOf(r *http.Request) string { return placeOf(r).address }

func placeOf(r *http.Request) place {
	p, _ := r.Context().Value(placeKey{}).(place)
	return p
}

// locate finds out where a request comes from.
func (h *Handler) locate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := h.place(r)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), placeKey{}, p)))
	})
}

func (h *Handler) place(r *http.Request) place {
	p := place{scheme: "http"}
	if r.TLS != nil {
		p.scheme = "https"
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		p.address = host
		return p
	}
	if h.trusted(addr) {
		if scheme := r.Header.Get("X-Forwarded-Proto"); scheme == "http" || scheme == "https" {
			p.scheme = scheme
		}
		addr = h.forwarded(r, addr)
	}
	p.address = addr.Unmap().WithZone("").String()
	if addr = addr.Unmap(); addr.Is6() {
		if prefix, err := addr.WithZone("").Prefix(64); err == nil {
			p.address = prefix.String()
		}
	}
	return p
}

func (h *Handler) trusted(addr netip.Addr) bool {
	for _, p := range h.opts.TrustedProxies {
		if p.Contains(addr.Unmap().WithZone("")) {
			return true
		}
	}
	return false
}

// forwarded returns the right-most address that no trusted proxy has.
func (h *Handler) forwarded(r *http.Request, addr netip.Addr) netip.Addr {
	hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			return addr
		}
		if addr = hop; !h.trusted(addr) {
			return addr
		}
	}
	return addr
}

// csp lets a page use what the server itself serves and nothing else; Trusted Types are the second wall against injected markup: the page has one policy, for
// the service worker's URL.
const csp = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; " +
	"manifest-src 'self'; media-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types teahouse"

// admit checks what every request has to keep to, and sets what every answer has.
func (h *Handler) admit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head := w.Header()
		head.Set("Content-Security-Policy", csp)
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Referrer-Policy", "no-referrer")
		head.Set("Cross-Origin-Opener-Policy", "same-origin")
		if r.TLS != nil {
			head.Set("Strict-Transport-Security", "max-age=31536000")
		}
		head.Add("Vary", "Origin")
		if r.ContentLength != 0 {
			limitBodyTime(w)
		}
		if err := h.refuse(w, r); err != nil {
			h.fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// refuse says why a request isn't served, if so.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request) error {
	lines := 1 // Host
	for _, v := range r.Header {
		lines += len(v)
	}
	if lines > maxHeaderLines {
		return errHeaders
	}
	path := strings.TrimPrefix(r.URL.Path, h.opts.BasePath)
	if path == "/healthz" || path == "/readyz" || path == "/metrics" {
		return nil // asked by address or by another name; they tell nothing of anybody
	}
	if !h.origins.goesBy(r.Host) {
		h.refusals.Do(func() {
			h.opts.Logger.Warn("request for another host refused; --public-url sets the server's name", "host", clip(r.Host))
		})
		return errHost
	}
	if err := h.checkOrigin(w, r); err != nil {
		return err
	}
	if ok, wait := h.requests.Allow(addressOf(r)); !ok && !strings.HasPrefix(path, "/static/") {
		return &chat.RateError{RetryAfter: wait}
	}
	return nil
}

// refusedOrigin logs which flag would have allowed a page; the origin "null", which anybody's page can have, none allows.
func (h *Handler) refusedOrigin(origin string) {
	if origin == "null" {
		h.opts.Logger.Warn("origin refused; no flag allows this one", "origin", origin)
		return
	}
	h.opts.Logger.Warn("origin refused; --allow-origin would allow it", "origin", clip(origin), "flag", "--allow-origin "+clip(origin))
}

func (h *Handler) checkOrigin(w http.ResponseWriter, r *http.Request) error {
	given := r.Header["Origin"]
	if len(given) == 0 {
		return nil // a program, or a page's own plain request
	}
	may, foreign := h.origins.mayUse(given[0], placeOf(r).scheme, r.Host)
	if len(given) > 1 || !may {
		h.refusals.Do(func() { h.refusedOrigin(given[0]) })
		return errOrigin
	}
	if foreign {
		h.origins.share(w, given[0])
	}
	return nil
}
