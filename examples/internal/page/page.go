// Package page serves the examples' pages at the addresses of their sockets, as the tutorial does. Its Room is the tutorial's: what was said, a field to write
// in, a button that sends and one that closes the connection.
package page

import (
	_ "embed"
	"net/http"

	"github.com/teahouse-chat/teahouse/ws"
)

// Room is the page of a chat room.
//
//go:embed page.html
var Room []byte

// Or answers requests for a WebSocket with sockets, and all others with a page, which opens one at its own address. It is what Django's ProtocolTypeRouter is for.
func Or(html []byte, sockets http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ws.IsUpgrade(r) {
			sockets.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(html) // who doesn't get it is gone
	})
}
