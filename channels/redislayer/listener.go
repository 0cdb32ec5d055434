package redislayer

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/redis/rueidis"
)

// A listener keeps a process subscribed to Redis channels on one host: what is wanted is subscribed to, and again after the connection broke.
type listener struct {
	// Static.
	host  *host
	heard func(name, payload string) // called one at a time; quick
	broke func(names []string)       // the connection to these subscriptions broke
	wake  chan struct{}              // one slot: something changed

	mu      sync.Mutex
	over    bool
	dialed  *connections
	wanted  map[string]chan struct{} // by name: closed once it is subscribed to
	changed map[string]struct{}      // names to look at
	passing []chan struct{}          // to close when what was published before has been heard

	// Owned by run.
	client     rueidis.Client
	subscribed map[string]struct{}
}

func newListener(h *host, heard func(name, payload string), broke func(names []string)) *listener {
	return &listener{
		host: h, heard: heard, broke: broke, wake: make(chan struct{}, 1),
		wanted: map[string]chan struct{}{}, changed: map[string]struct{}{}, subscribed: map[string]struct{}{},
	}
}

// want has a name subscribed to. What it returns is closed once that is so.
func (l *listener) want(name string) (ready <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.wanted[name]
	if c == nil {
		c = make(chan struct{})
		l.wanted[name] = c
		l.changed[name] = struct{}{}
		wakeUp(l.wake)
	}
	return c
}

// drop ends a subscription.
func (l *listener) drop(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.wanted, name)
	l.changed[name] = struct{}{}
	wakeUp(l.wake)
}

// pass returns a channel that is closed once everything has been heard that was published by now. That is at once when the connection is broken.
func (l *listener) pass() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	passed := make(chan struct{})
	l.passing = append(l.passing, passed)
	wakeUp(l.wake)
	return passed
}

// takePassing takes who waits in pass.
func (l *listener) takePassing() []chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	passing := l.passing
	l.passing = nil
	return passing
}

func closeAll(list []chan struct{}) {
	for _, c := range list {
		close(c)
	}
}

// run keeps what is wanted subscribed to until ctx ends and interrupt is called.
func (l *listener) run(ctx context.Context) {
	var b backoff
	for ctx.Err() == nil {
		err := l.listen(ctx, &b)
		if ctx.Err() != nil {
			break
		}
		l.host.broke(err)
		l.lose()
		if !b.wait(ctx) {
			break
		}
	}
	if l.client != nil {
		closeClient(l.client, l.dialed)
	}
}

// interrupt ends what run waits for.
func (l *listener) interrupt() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	if l.dialed != nil {
		l.dialed.close()
	}
}

// lose notes that nothing is subscribed to any more.
func (l *listener) lose() {
	l.mu.Lock()
	var names []string
	for name := range l.subscribed {
		if l.wanted[name] != nil {
			names = append(names, name)
		}
	}
	for name, ready := range l.wanted {
		select {
		case <-ready:
			l.wanted[name] = make(chan struct{})
		default: // who waits for it goes on waiting
		}
		l.changed[name] = struct{}{}
	}
	clear(l.subscribed)
	l.mu.Unlock()
	l.broke(names)
	closeAll(l.takePassing())
}

// connect makes a client, if there is none.
func (l *listener) connect() error {
	if l.client != nil {
		return nil
	}
	client, dialed, err := l.host.open(listenWithin)
	if err != nil {
		if client != nil {
			closeClient(client, dialed)
		}
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.client, l.dialed = client, dialed
	if l.over {
		dialed.close()
	}
	return nil
}

// listen subscribes on one connection, for as long as that lasts.
func (l *listener) listen(ctx context.Context, b *backoff) error {
	if err := l.connect(); err != nil {
		return err
	}
	conn, release := l.client.Dedicate()
	defer release()
	broken := conn.SetPubSubHooks(rueidis.PubSubHooks{OnMessage: func(m rueidis.PubSubMessage) { l.heard(m.Channel, m.Message) }})
	for {
		passing := l.takePassing()
		err := l.update(conn)
		if err == nil && len(passing) > 0 {
			err = conn.Do(context.Background(), conn.B().Ping().Build()).Error()
		}
		closeAll(passing)
		if err != nil {
			return err
		}
		b.tries = 0
		l.host.back()
		select {
		case <-l.wake:
		case err := <-broken:
			return errors.Join(err, errBroken)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

var errBroken = errors.New("the connection broke")

// update subscribes to what is wanted and isn't subscribed to, and the reverse. It returns when Redis has confirmed.
func (l *listener) update(conn rueidis.DedicatedClient) error {
	l.mu.Lock()
	var start, end []string
	for name := range l.changed {
		_, is := l.subscribed[name]
		switch want := l.wanted[name] != nil; {
		case want && is: // dropped and wanted again before we came to it
			l.confirm(name)
		case want:
			start = append(start, name)
		case is:
			end = append(end, name)
		}
	}
	clear(l.changed)
	l.mu.Unlock()
	var cmds rueidis.Commands
	for part := range slices.Chunk(start, maxBatch) {
		cmds = append(cmds, conn.B().Subscribe().Channel(part...).Build())
	}
	for part := range slices.Chunk(end, maxBatch) {
		cmds = append(cmds, conn.B().Unsubscribe().Channel(part...).Build())
	}
	if len(cmds) == 0 {
		return nil
	}
	if err := firstError(conn.DoMulti(context.Background(), cmds...)); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, name := range end {
		delete(l.subscribed, name)
	}
	for _, name := range start {
		l.subscribed[name] = struct{}{}
		l.confirm(name)
	}
	return nil
}

// confirm tells who waits for a name that it is subscribed to. mu must be held.
func (l *listener) confirm(name string) {
	ready := l.wanted[name]
	select {
	case <-ready:
	default:
		if ready != nil {
			close(ready)
		}
	}
}
