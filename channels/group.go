package channels

import (
	"context"
	"fmt"
	"sync"

	"github.com/teahouse-chat/teahouse/fanout"
	"github.com/teahouse-chat/teahouse/ws"
)

// How a frame is written for members of a group.
const (
	asItIs     fanout.Encoding = iota
	compressed                 // with permessage-deflate
)

// Groups are those that a server's connections and listeners are in. The server is in each of them once, with a channel made for it: what comes there is for
// that group's members here.
type groups struct {
	server *Server

	mu     sync.Mutex
	byName map[string]*group
}

// A group is the server's part of one. It exists while somebody uses it.
type group struct {
	server *Server
	name   string
	users  int // guarded by groups.mu

	// One slot, held while the layer is asked to let the server in; it guards what follows.
	entering    chan struct{}
	channel     string // "" until the server is in
	unsubscribe func()

	mu        sync.Mutex // guards what follows; before a connection's mu and a topic's
	audiences map[*route]*audience
}

// An audience is the members of a group that one route serves.
type audience struct {
	topic   *fanout.Topic // what encoders make; nil for a route without
	behind  func(*fanout.Membership, int64)
	members map[recipient]*fanout.Membership
}

// A recipient takes a group's messages. It doesn't block.
type recipient interface {
	post(m Message, group string)
}

// use returns a group that the server is in. The caller gives it back with release.
func (gs *groups) use(ctx context.Context, name string) (*group, error) {
	if gs.server.layer == nil {
		return nil, errNoLayer
	}
	gs.mu.Lock()
	g := gs.byName[name]
	if g == nil {
		g = &group{server: gs.server, name: name, entering: make(chan struct{}, 1), audiences: map[*route]*audience{}}
		gs.byName[name] = g
	}
	g.users++
	gs.mu.Unlock()
	if err := g.enter(ctx); err != nil {
		gs.release(g)
		return nil, fmt.Errorf("join group %s: %w", name, err)
	}
	return g, nil
}

// release gives a group back; the last one makes the server leave it. Nobody can come to a group that was left: there is a new one by then. Errors of the
// layer don't matter: nobody is there to hear of the group, and the membership expires.
func (gs *groups) release(g *group) {
	gs.mu.Lock()
	g.users--
	last := g.users == 0
	if last {
		delete(gs.byName, g.name)
	}
	gs.mu.Unlock()
	if last && g.channel != "" {
		gs.server.leave(func(ctx context.Context) {
			_ = gs.server.layer.GroupDiscard(ctx, g.name, g.channel)
			g.unsubscribe()
		})
	}
}

// enter makes sure that the server is in the group.
func (g *group) enter(ctx context.Context) error {
	select {
	case g.entering <- struct{}{}:
		defer func() { <-g.entering }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if g.channel != "" {
		return nil
	}
	layer := g.server.layer
	channel, err := layer.NewChannel(ctx, "")
	if err != nil {
		return err
	}
	unsubscribe, err := g.server.subscribe(channel, g.deliver)
	if err != nil {
		return err
	}
	if err := layer.GroupAdd(ctx, g.name, channel); err != nil {
		unsubscribe()
		return err
	}
	g.channel, g.unsubscribe = channel, unsubscribe
	return nil
}

// add makes a recipient a member. m takes encoded frames, and is nil for a recipient that wants messages only.
func (g *group) add(rt *route, r recipient, m fanout.Member, enc fanout.Encoding) {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.audiences[rt]
	if a == nil {
		a = &audience{members: map[recipient]*fanout.Membership{}}
		if len(rt.encoders) > 0 {
			a.topic = fanout.NewTopic(0, &g.server.opts.Fanout)
			a.behind = func(ms *fanout.Membership, cursor int64) { g.skip(a.topic, ms, cursor) }
		}
		g.audiences[rt] = a
	}
	var member *fanout.Membership
	if a.topic != nil {
		member = a.topic.Join(m, enc, a.topic.Head(), a.behind)
	}
	a.members[r] = member
}

// remove takes a recipient out.
func (g *group) remove(rt *route, r recipient) {
	g.mu.Lock()
	a := g.audiences[rt]
	member := a.members[r]
	delete(a.members, r)
	if len(a.members) == 0 {
		delete(g.audiences, rt)
	}
	g.mu.Unlock()
	if member != nil {
		member.Leave()
	}
}

// skip lets a member go on at the head that is behind what the group keeps of its frames. What lies between is lost for it.
func (g *group) skip(t *fanout.Topic, m *fanout.Membership, cursor int64) {
	head := t.Head()
	g.server.opts.Losses.Add(g.name, LossSlowReader, int(head-cursor))
	m.Supply(nil, head)
}

// deliver gives a message to all members: as one frame where the route has an encoder for it, else to each by itself.
func (g *group) deliver(m Message) {
	name := m.Type()
	var failed error
	lost := 0
	g.mu.Lock()
	for rt, a := range g.audiences {
		e, ok := rt.encoders[name]
		if !ok {
			for r := range a.members {
				r.post(m, g.name)
			}
		} else if err := a.show(e, m); err != nil {
			failed, lost = err, lost+len(a.members)
		}
	}
	g.mu.Unlock()
	if failed != nil {
		g.server.notEncoded(name, g.name, lost, failed)
	}
}

// show encodes a message and gives the frame to the audience's topic. The group's mu must be held.
func (a *audience) show(e encoder, m Message) error {
	f, err := e.frame(m)
	if err != nil {
		return err
	}
	write := func(dst []byte, enc fanout.Encoding) []byte {
		if enc == compressed {
			return ws.AppendCompressed(dst, f.Op, f.Payload)
		}
		return ws.AppendFrame(dst, f.Op, f.Payload)
	}
	if e.lossy {
		a.topic.Signal(write)
	} else {
		a.topic.Append(1, func(dst []byte, enc fanout.Encoding, _ int) []byte { return write(dst, enc) })
	}
	return nil
}
