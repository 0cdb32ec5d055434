package feed

import (
	"context"
	"time"

	"github.com/teahouse-chat/teahouse/eventlog"
)

// Run rings and hears the doorbells and sweeps, until ctx ends; it returns when its goroutines have. Without a Bell it does
// nothing but wait: nobody else writes the log.
func (f *Feed) Run(ctx context.Context) error {
	if f.opts.Bell == nil {
		<-ctx.Done()
		return nil
	}
	done := make(chan struct{}, 2)
	go func() { f.ringAll(ctx); done <- struct{}{} }()
	go func() { f.listen(ctx); done <- struct{}{} }()
	defer func() { <-done; <-done }()

	tick := time.NewTicker(f.opts.Sweep)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			f.sweep(ctx)
		case <-ctx.Done():
			return nil
		}
	}
}

// ring notes a doorbell for ringAll.
func (f *Feed) ring(topic string, head eventlog.Offset) {
	if f.opts.Bell == nil {
		return
	}
	f.mu.Lock()
	f.rings[topic] = head
	f.mu.Unlock()
	select {
	case f.ringer <- struct{}{}:
	default:
	}
}

// ringAll rings what was noted, one doorbell a topic however often it grew meanwhile.
func (f *Feed) ringAll(ctx context.Context) {
	for {
		select {
		case <-f.ringer:
		case <-ctx.Done():
			return
		}
		f.mu.Lock()
		rings := f.rings
		f.rings = make(map[string]eventlog.Offset)
		f.mu.Unlock()
		for topic, head := range rings {
			if err := f.opts.Bell.Ring(ctx, topic, head); err != nil && ctx.Err() == nil {
				f.opts.Logger.Warn("doorbell lost, the others' sweep covers it", "topic", topic, "offset", head, "err", err)
			}
		}
	}
}

// listen hears doorbells, and sweeps whenever it has to begin again: what rang meanwhile is lost.
func (f *Feed) listen(ctx context.Context) {
	for try := 0; ; try++ {
		began := time.Now()
		err := f.opts.Bell.Listen(ctx, f.heard)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > time.Minute {
			try = 0
		}
		f.opts.Logger.Warn("doorbells aren't heard, trying again", "err", err)
		f.sweep(ctx)
		select {
		case <-time.After(backoff(try)):
		case <-ctx.Done():
			return
		}
	}
}

// sweep looks at the heads of all open topics in one query; a topic whose log is past its tail reads on.
func (f *Feed) sweep(ctx context.Context) {
	f.mu.Lock()
	ids := make([]string, 0, len(f.topics))
	for id := range f.topics {
		ids = append(ids, id)
	}
	f.mu.Unlock()
	if len(ids) == 0 {
		return
	}
	states, err := f.log.States(ctx, ids...)
	if err != nil {
		if ctx.Err() == nil {
			f.opts.Logger.Warn("sweep failed, the next one covers it", "err", err)
		}
		return
	}
	for i, id := range ids {
		f.heard(id, states[i].Head)
	}
}
