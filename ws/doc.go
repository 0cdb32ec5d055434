// Package ws serves WebSockets (RFC 6455, with permessage-deflate of RFC 7692) on top of net/http, for servers that hold many
// connections of which most are idle.
//
// # Use
//
// A [Server] upgrades requests of any HTTP/1.1 handler, so middleware, cookies, TLS and routing are the usual ones. What
// happens on a connection is told to its [Handler], one call at a time:
//
//	server := ws.NewServer(nil)
//	defer server.Close()
//	http.HandleFunc("GET /echo", func(w http.ResponseWriter, r *http.Request) {
//		server.Upgrade(w, r, echo{}) // an error has been answered
//	})
//
// There are two ways to write. [Conn.Send] queues a message of the connection's own, such as an answer, in a small bounded slot.
// [Conn.Offer] gives it a batch of ready-made frames ([AppendFrame], [AppendCompressed]) which any number of connections may share: it
// takes the batch whole or refuses it, and says when to come again. So there is no queue to overflow: whoever has a lot to
// say keeps a position of its own and goes on from there.
//
// # Parked connections
//
// On Linux a TCP connection that has nothing to do is parked: its descriptor waits in epoll, and it holds neither a goroutine nor a buffer.
// When bytes arrive, a goroutine reads until there are no more, calls the handler for each message, and parks it again. While the
// handler works the connection isn't read, so a client that sends faster than its handler works has to wait. A connection with TLS (a [crypto/tls.Conn]
// over TCP) is parked with what crypto/tls keeps of it, some 7 KB (BenchmarkIdle). Connections that a listener wrapped, and all of them on other systems,
// have a goroutine each. Nothing else differs.
//
// # Protection
//
// All limits in [Options] are on by default. A client that breaks the protocol is closed with the code that the RFC names, one that
// doesn't read with [CloseTooSlow], one that is silent is pinged. A length is believed only as its bytes arrive, a compressed message
// is measured while it is inflated, text is checked as it comes. A handler that panics ends its own connection only.
//
// # Locks
//
// Conn.mu is held for writes, which don't block, and Server.mu for the table of connections; they are never held together, and no handler, no
// function given to Offer and no Trace function is called with either.
package ws
