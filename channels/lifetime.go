package channels

import (
	"context"
	"time"
)

// A lifetime is a connection as the context of its consumer's calls. It ends when the connection is gone, or the server closes, and has the values of another
// context. One of package context would cost each idle connection two objects more.
type lifetime Conn

func (c *Conn) context() context.Context { return (*lifetime)(c) }

// end ends the lifetime.
func (c *Conn) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		c.ended = true
		if c.done != nil {
			close(c.done)
		}
	}
}

// Deadline implements [context.Context]: there is none.
func (*lifetime) Deadline() (deadline time.Time, ok bool) { return time.Time{}, false }

// Done implements [context.Context].
func (l *lifetime) Done() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done == nil {
		l.done = make(chan struct{})
		if l.ended {
			close(l.done)
		}
	}
	return l.done
}

// Err implements [context.Context].
func (l *lifetime) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return context.Canceled
	}
	return nil
}

// Value implements [context.Context].
func (l *lifetime) Value(key any) any { return l.values.Value(key) }
