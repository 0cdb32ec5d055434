package channels

import (
	"net/http"

	"github.com/teahouse-chat/teahouse/ws"
)

// A Transport is what a connection needs of its socket. *ws.Conn is one, and its methods say what is expected; channelstest has one without a network.
type Transport interface {
	Send(op ws.Opcode, payload []byte) error
	SendInOrder(op ws.Opcode, payload []byte) error
	Offer(batch []byte, again func()) bool
	Ready(again func()) bool
	Close(code CloseCode, reason string) error
	Subprotocol() string
	Compressed() bool
}

// An Upgrader is a http.ResponseWriter that makes connections itself: it stands in for the network. Middleware that wraps a ResponseWriter must have Unwrap, as
// for http.ResponseController.
type Upgrader interface {
	// Upgrade accepts the connection. header has what the consumer set, Sec-WebSocket-Protocol included. From then on it calls h, with a nil *ws.Conn, by the
	// rules of ws.Handler.
	Upgrade(r *http.Request, header http.Header, h ws.Handler) (Transport, error)

	// Failed is told the error that ended a consumer, before the connection closes.
	Failed(err error)
}

// upgraderOf returns the Upgrader that w is, under its wrappers; nil for a real network.
func upgraderOf(w http.ResponseWriter) Upgrader {
	for {
		if u, ok := w.(Upgrader); ok {
			return u
		}
		wrapper, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return nil
		}
		w = wrapper.Unwrap()
	}
}

var _ Transport = (*ws.Conn)(nil)
