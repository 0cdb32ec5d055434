package channels

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/teahouse-chat/teahouse/fanout"
)

// GroupAdd joins a group: from when it returns, what is sent to the group reaches this connection, until GroupDiscard or its end. Joining again changes nothing.
// Before Accept it is fine: messages wait. Errors: those of the layer, when it can't let this server in; ErrName.
func (c *Conn) GroupAdd(ctx context.Context, group string) error {
	if err := CheckGroup(group); err != nil {
		return err
	}
	c.joining.Lock()
	defer c.joining.Unlock()
	if c.memberOf(group) >= 0 {
		return nil
	}
	gs := &c.route.server.groups
	g, err := gs.use(ctx, group)
	if err != nil {
		return err
	}
	enc, gone := c.encoding()
	if gone {
		gs.release(g)
		return ErrClosed
	}
	g.add(c.route, c, c, enc)
	c.groups = append(c.groups, g)
	return nil
}

// encoding is how frames are written for this connection; gone says that it needs none any more.
func (c *Conn) encoding() (enc fanout.Encoding, gone bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.turns.closing, c.opening == nil && c.transport == nil:
		return asItIs, true
	case c.transport != nil && c.transport.Compressed(), c.transport == nil && c.opening.compressed:
		return compressed, false
	}
	return asItIs, false
}

// GroupDiscard leaves a group: once it has returned nothing of the group reaches this connection any more, but for messages that wait for its event methods already. Leaving a
// group that it isn't in does nothing.
func (c *Conn) GroupDiscard(group string) {
	c.joining.Lock()
	defer c.joining.Unlock()
	if i := c.memberOf(group); i >= 0 {
		c.leave(i)
	}
}

// memberOf is the index of a group in groups, -1 if it isn't there. joining must be held.
func (c *Conn) memberOf(name string) int {
	return slices.IndexFunc(c.groups, func(g *group) bool { return g.name == name })
}

// leave leaves a group. joining must be held.
func (c *Conn) leave(i int) {
	g := c.groups[i]
	c.groups = slices.Delete(c.groups, i, i+1)
	g.remove(c.route, c)
	c.route.server.groups.release(g)
}

// leaveAll leaves every group and gives up the channel.
func (c *Conn) leaveAll() {
	c.joining.Lock()
	defer c.joining.Unlock()
	for len(c.groups) > 0 {
		c.leave(len(c.groups) - 1)
	}
	if c.channel != nil {
		c.route.server.leave(func(context.Context) { c.channel.unsubscribe() })
	}
}

// GroupSend sends a message to a group through the server's layer. The sender needn't be in it.
func (c *Conn) GroupSend(ctx context.Context, group string, m Message) error {
	layer := c.route.server.layer
	if layer == nil {
		return errNoLayer
	}
	return layer.GroupSend(ctx, group, m)
}

// An ownChannel is the channel of one connection.
type ownChannel struct {
	name        string
	unsubscribe func()
}

// ChannelName is the name of this connection's own channel: what is sent there reaches this connection alone, as layer messages do. It is made when it is asked
// for first; a connection that never asks costs nothing. Errors: those of the layer.
func (c *Conn) ChannelName(ctx context.Context) (string, error) {
	c.joining.Lock()
	defer c.joining.Unlock()
	s := c.route.server
	switch {
	case c.channel != nil:
		return c.channel.name, nil
	case s.layer == nil:
		return "", errNoLayer
	}
	name, err := s.layer.NewChannel(ctx, "")
	if err != nil {
		return "", err
	}
	unsubscribe, err := s.subscribe(name, func(m Message) { c.post(m, "") })
	if err != nil {
		return "", err
	}
	if _, gone := c.encoding(); gone {
		unsubscribe()
		return "", ErrClosed
	}
	c.channel = &ownChannel{name, unsubscribe}
	return name, nil
}

// subscribe has deliver called for what is sent to a channel. A layer that isn't a Subscriber costs a goroutine.
func (s *Server) subscribe(channel string, deliver func(Message)) (unsubscribe func(), err error) {
	if sub, ok := s.layer.(Subscriber); ok {
		return sub.Subscribe(channel, deliver)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			m, err := s.layer.Receive(ctx, channel)
			switch {
			case err == nil:
				deliver(m)
			case ctx.Err() != nil || errors.Is(err, ErrLayerClosed):
				return
			default:
				s.complain("channel can't be received from, trying again", err)
				select {
				case <-time.After(time.Second):
				case <-ctx.Done():
				}
			}
		}
	}()
	return func() { cancel(); <-done }, nil
}

var _ fanout.Member = (*Conn)(nil)
