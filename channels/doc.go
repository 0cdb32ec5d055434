// Package channels is to Go what Django Channels is to Django: consumers that handle connections, and layers that carry messages between them, between
// workers, and between processes, Django's among them.
//
// # A room
//
// A [Consumer] is the code of one connection: Connect, Receive for each frame, Disconnect. It joins groups, and what is sent to a group reaches every
// connection in it, its sender's too:
//
//	type Chat struct {
//		channels.BaseConsumer // accepts, and has nothing to do at the end
//		group string
//	}
//
//	func (ch *Chat) Connect(ctx context.Context, c *channels.Conn) error {
//		ch.group = c.PathValue("group")
//		if err := c.GroupAdd(ctx, ch.group); err != nil {
//			return err
//		}
//		return c.Accept(nil)
//	}
//
//	func (ch *Chat) Receive(ctx context.Context, c *channels.Conn, f channels.Frame) error {
//		return c.GroupSend(ctx, ch.group, channels.Message{"type": "chat.message", "text": f.Text()})
//	}
//
//	func (ch *Chat) ChatMessage(ctx context.Context, c *channels.Conn, m channels.Message) error {
//		return c.SendText(m.Str("text"))
//	}
//
// A [Server] runs consumers over a [Layer]. [Handler] makes a plain http.Handler of them, for a http.ServeMux, with middleware, TLS and all else that net/http has:
//
//	server := channels.NewServer(memlayer.New(nil), nil)
//	defer server.Close()
//	http.Handle("/room/{group}/", channels.Handler(server, func() *Chat { return &Chat{} }, &channels.Dispatch[*Chat]{
//		Events: channels.Events[*Chat]{"chat.message": (*Chat).ChatMessage},
//	}))
//
// With redislayer.NewCore in place of memlayer.New, all processes that use the same Redis share the group, and so does a Django with channels_redis. The
// directory examples has whole programs, and docs/channels.md each name of Django Channels beside the one here.
//
// # One call at a time
//
// The methods of a connection's consumer never overlap, so its fields need no lock. While a method works its client isn't read, and layer messages wait in an
// inbox. When both wait, the frame is first.
//
// # Three ways out
//
// What becomes of a layer message, its type decides, by the [Dispatch]:
//
//   - An event calls a method for each connection, with a copy of the message of its own: Django's way. It may decide, look things up, send something else to each.
//   - An encoder is called once for all connections of a group here, and its frame is written to each: many times faster, for what looks the same to all.
//   - A signal is an encoder for what is of no use later: who is busy doesn't get it.
//
// # What may be lost
//
// A layer is at most once: what must not be lost belongs in a log (package feed). What is lost is counted, by group and reason, and logged at most once a second: see
// [Losses]. A client that doesn't read loses what doesn't fit: messages of its handlers beyond Options.Inbox, encoded frames beyond what the group's tail keeps
// (1,024, or 1 MiB); after 15 s without progress it is closed with 4408. Others don't notice.
//
// # Locks
//
// Outer before inner: a connection's joining, a group's entering, a group's mu, a connection's mu, and then those of fanout, of ws and of the crew. A layer's own locks come
// before a group's mu: it delivers with them held. No method of a consumer is called with any of them.
package channels
