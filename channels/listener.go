package channels

import (
	"context"
	"sync"

	"github.com/teahouse-chat/teahouse/fanout"
)

// A Listener gets the messages of groups without being a connection: for a http.Handler that streams its answer, or holds it until there is something to say. (What
// Django Channels needs HTTP consumers for beyond this, a http.Handler does anyway.) Its methods may be called concurrently.
type Listener struct {
	server      *Server
	memberships []membership
	ready       chan struct{} // one slot: there may be something in the inbox

	mu    sync.Mutex
	inbox []Message
}

// listening is the route of listeners: they want messages as they are.
var listening = &route{}

// Listen joins groups. What is sent to them from when it returns waits for Receive, up to Options.Inbox messages; further ones are lost, and counted. The caller
// calls Close. Errors: those of the layer, when it can't let this server in; ErrName.
func (s *Server) Listen(ctx context.Context, names ...string) (*Listener, error) {
	l := &Listener{server: s, ready: make(chan struct{}, 1)}
	for _, name := range names {
		err := CheckGroup(name)
		var g *group
		if err == nil {
			g, err = s.groups.use(ctx, name)
		}
		if err != nil {
			l.Close()
			return nil, err
		}
		l.memberships = append(l.memberships, g.add(listening, l, nil, fanout.Encoding(0)))
	}
	return l, nil
}

// Receive waits for the next message, or for the end of ctx, whose error it returns then.
func (l *Listener) Receive(ctx context.Context) (Message, error) {
	for {
		l.mu.Lock()
		if len(l.inbox) > 0 {
			m := l.inbox[0]
			l.inbox = l.inbox[1:]
			l.mu.Unlock()
			return copyOf(m), nil
		}
		l.mu.Unlock()
		select {
		case <-l.ready:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Close leaves the groups. It is called once.
func (l *Listener) Close() {
	for _, m := range l.memberships {
		m.group.remove(listening, l)
		l.server.groups.release(m.group)
	}
}

// post implements recipient.
func (l *Listener) post(m Message, group string) {
	l.mu.Lock()
	full := len(l.inbox) >= l.server.opts.Inbox
	if !full {
		l.inbox = append(l.inbox, m)
	}
	l.mu.Unlock()
	if full {
		l.server.opts.Losses.Add(group, LossSlowHandler, 1)
	}
	select {
	case l.ready <- struct{}{}:
	default:
	}
}
