//go:build linux

package e2e

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// A gateway is an HTTP proxy as companies and trains have them: one that knows no WebSocket, or keeps a response until it is complete.
type gateway struct {
	noSockets atomic.Bool // upgrades are refused
	buffers   atomic.Bool // streams are held back for ever
	sockets   atomic.Int64
	streams   atomic.Int64
	polls     atomic.Int64
}

// newGateway forwards to a server until the test ends, and returns the address it listens at.
func newGateway(t *testing.T, s *teahouse) (*gateway, string) {
	t.Helper()
	g := &gateway{}
	target := &url.URL{Scheme: "http", Host: s.addr}
	transport := &http.Transport{}
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
		},
		Transport:     transport,
		FlushInterval: -1,
		ErrorHandler:  func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.serve(w, r, forward) }))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		transport.CloseIdleConnections()
	})
	return g, server.Listener.Addr().String()
}

func (g *gateway) serve(w http.ResponseWriter, r *http.Request, forward http.Handler) {
	switch {
	case r.Header.Get("Upgrade") != "":
		g.sockets.Add(1)
		if g.noSockets.Load() {
			http.Error(w, "no upgrades here", http.StatusBadRequest)
			return
		}
	case strings.HasPrefix(r.Header.Get("Accept"), "text/event-stream"):
		g.streams.Add(1)
		if g.buffers.Load() {
			<-r.Context().Done() // it would come when it is complete, which is never
			return
		}
	case r.URL.Query().Has("wait"):
		g.polls.Add(1)
	}
	forward.ServeHTTP(w, r)
}
