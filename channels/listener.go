package channels

import (
	"context"
	"slices"
	"sync"
)

// A Listener gets the messages of groups without being a connection: for a http.Handler that streams its answer, or holds it until there is something to say. (What
// Django Channels needs HTTP consumers for beyond this, a http.Handler does anyway.) Its methods may be called concurrently.
type Listener struct {
	server *Server
	groups []*group
	closed context.Context
	close  context.CancelFunc
	ready  chan struct{} // one slot: there is something in the inbox

	mu    sync.Mutex
	inbox []Message
}

// listening is the route of listeners: they want messages as they are.
var listening = &route{}

// Listen joins groups. What is sent to them from when it returns waits for Receive, up to Options.Inbox messages; further ones are lost, and counted. The caller
// calls Close; closing the server doesn't. Errors: those of the layer, when it can't let this server in; ErrName.
func (s *Server) Listen(ctx context.Context, names ...string) (*Listener, error) {
	l := &Listener{server: s, ready: make(chan struct{}, 1)}
	l.closed, l.close = context.WithCancel(context.Background())
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		err := CheckGroup(name)
		var g *group
		if err == nil {
			g, err = s.groups.use(ctx, name)
		}
		if err != nil {
			l.Close()
			return nil, err
		}
		g.add(listening, l, nil, asItIs)
		l.groups = append(l.groups, g)
	}
	return l, nil
}

// Receive waits for the next message. Errors: the context's, ErrClosed after Close.
func (l *Listener) Receive(ctx context.Context) (Message, error) {
	select {
	case <-l.ready:
	case <-l.closed.Done():
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.inbox[0]
	if l.inbox = l.inbox[1:]; len(l.inbox) > 0 {
		l.ready <- struct{}{}
	}
	return copyOf(m), nil
}

// Close leaves the groups, and ends each Receive. Closing again does nothing.
func (l *Listener) Close() {
	l.mu.Lock()
	again := l.closed.Err() != nil
	l.close()
	l.mu.Unlock()
	if again {
		return
	}
	for _, g := range l.groups {
		g.remove(listening, l)
		l.server.groups.release(g)
	}
}

// post implements recipient.
func (l *Listener) post(m Message, group string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.inbox) >= l.server.opts.Inbox {
		l.server.opts.Losses.Add(group, LossSlowHandler, 1)
		return
	}
	if l.inbox = append(l.inbox, m); len(l.inbox) == 1 {
		l.ready <- struct{}{}
	}
}
