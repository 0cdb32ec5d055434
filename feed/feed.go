// Package feed makes a log and a doorbell one: topics that grow, and followers that get every event once and in order, wherever
// they start.
//
// A follower is a cursor. First load, catching up after a break and live delivery are one thing: write what lies between the cursor and
// the head. What is recent comes from memory (see package fanout), what is older from the log; the follower can't tell.
//
//	Commit, then tell.     The log tells the feed of events that are on disk, never of others.
//	Subscribe, then read.  A topic listens before it reads its head, so nothing falls between.
//	Wake, then look.       A doorbell says only that a log has grown; what it has grown by is read from the log.
//
// So a doorbell that is lost, doubled or late costs delay at most, and [Feed.Run] sweeps now and then to bound it.
package feed

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/fanout"
)

// Encoding and Member are fanout's.
type (
	Encoding = fanout.Encoding
	Member   = fanout.Member
)

// A Bell carries doorbells between the processes that share a log. It may lose, double and reorder them.
type Bell interface {
	// Ring says that a topic has grown. It may block; an error means that the doorbell may be lost.
	Ring(ctx context.Context, topic string, head eventlog.Offset) error

	// Listen calls heard for each doorbell of the other processes, until ctx ends or it can't go on, and returns why. heard is quick.
	Listen(ctx context.Context, heard func(topic string, head eventlog.Offset)) error
}

// An Encoder writes events as bytes for members. Its methods are called concurrently, hold up delivery while they run, and may append
// nothing: an event that the encoding doesn't show.
type Encoder interface {
	// AppendEvent appends an event of the topic with this title.
	AppendEvent(dst []byte, enc Encoding, title string, e *eventlog.Event) []byte

	// AppendReset appends what a member is told whose cursor can't be served any more, and returns the cursor it goes on from:
	// the head, or one less than the floor for an encoding that doesn't know resets.
	AppendReset(dst []byte, enc Encoding, title string, epoch string, s eventlog.State) ([]byte, eventlog.Offset)
}

// Options of a feed; nil and zero values mean the defaults.
type Options struct {
	Bell   Bell          // nil: nobody else writes the log
	Sweep  time.Duration // with a Bell: how often to look at the heads of all open topics; default 2 s
	Linger time.Duration // how long a topic stays in memory after its last user; default 30 s
	Fanout fanout.Options
	Recent int          // events of a topic kept in memory, of at most 1 MiB together; default 1,024
	Logger *slog.Logger // default slog.Default()
}

// A Feed serves the topics of one log. Its methods may be called concurrently.
type Feed struct {
	log     eventlog.Log
	encoder Encoder
	opts    Options
	blocks  *blockCache

	complaints rate.Sometimes // bounds the log: when one read fails, those of all followers do

	ctx    context.Context // the feed's own lifetime
	stop   context.CancelFunc
	starts sync.Mutex // guards that nothing is added to wg once ctx has ended
	wg     sync.WaitGroup

	mu     sync.Mutex                 // guards what follows; a topic's mu may be taken under it, not the reverse
	topics map[string]*Topic          // open ones and those that linger
	rings  map[string]eventlog.Offset // doorbells to ring
	ringer chan struct{}              // one slot: rings has something
}

// New makes a feed of a log and listens to its commits.
func New(log eventlog.Log, encoder Encoder, opts *Options) *Feed {
	f := &Feed{log: log, encoder: encoder, complaints: rate.Sometimes{Interval: time.Second}, topics: map[string]*Topic{}, rings: map[string]eventlog.Offset{}, ringer: make(chan struct{}, 1)}
	if opts != nil {
		f.opts = *opts
	}
	if f.opts.Sweep <= 0 {
		f.opts.Sweep = 2 * time.Second
	}
	if f.opts.Linger <= 0 {
		f.opts.Linger = 30 * time.Second
	}
	if f.opts.Recent <= 0 {
		f.opts.Recent = 1024
	}
	if f.opts.Logger == nil {
		f.opts.Logger = slog.Default()
	}
	f.blocks = newBlockCache(blockCacheBytes)
	f.ctx, f.stop = context.WithCancel(context.Background())
	log.OnCommit(f.committed)
	return f
}

// Epoch names the lineage of the log's offsets.
func (f *Feed) Epoch() string { return f.log.Epoch() }

// Open returns the topic for use. title is what people call it; encoders get it. The caller calls Close when done with it.
// Errors: those of the log, when it can't say where the topic's head is.
func (f *Feed) Open(ctx context.Context, id, title string) (*Topic, error) {
	f.mu.Lock()
	t := f.topics[id]
	if t == nil {
		t = newTopic(f, id, title)
		f.topics[id] = t
	}
	t.use()
	f.mu.Unlock()
	if err := t.load(ctx); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// Trim drops the events of a topic below an offset, here and in the log.
func (f *Feed) Trim(ctx context.Context, id string, below eventlog.Offset) error {
	if err := f.log.Trim(ctx, id, below); err != nil {
		return err
	}
	if t := f.topic(id); t != nil {
		t.trimmed(below)
	}
	f.blocks.drop(id)
	return nil
}

// topic returns a topic that is in memory, else nil.
func (f *Feed) topic(id string) *Topic {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.topics[id]
}

// Topics returns how many topics are in memory.
func (f *Feed) Topics() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.topics)
}

// Close ends what the feed does in the background and waits for it. Members are not told.
func (f *Feed) Close() {
	f.starts.Lock()
	f.stop()
	f.starts.Unlock()
	f.mu.Lock()
	for _, t := range f.topics {
		if t.linger != nil {
			t.linger.Stop()
		}
	}
	f.mu.Unlock()
	f.wg.Wait()
}

// background runs fn in a goroutine that Close waits for; nothing after Close.
func (f *Feed) background(fn func()) {
	f.starts.Lock()
	defer f.starts.Unlock()
	if f.ctx.Err() == nil {
		f.wg.Go(fn)
	}
}

// pause waits a little longer at each try after the log failed; false says that the feed is closed.
func (f *Feed) pause(try int, t *Topic, err error) bool {
	if f.ctx.Err() != nil {
		return false
	}
	if try == 0 {
		f.complaints.Do(func() {
			f.opts.Logger.Warn("the log can't be read, trying again", "topic", t.id, "err", err)
		})
	}
	select {
	case <-time.After(backoff(try)):
		return true
	case <-f.ctx.Done():
		return false
	}
}

// backoff is how long to wait after so many tries that failed in a row.
func backoff(try int) time.Duration {
	return min(50*time.Millisecond<<min(try, 10), 2*time.Second)
}

// committed is told by the log of what this process has committed, in commit order.
func (f *Feed) committed(events []eventlog.Event) {
	for len(events) > 0 {
		n := 1
		for n < len(events) && events[n].Topic == events[0].Topic {
			n++
		}
		if t := f.topic(events[0].Topic); t != nil {
			t.grow(events[:n])
		}
		f.ring(events[0].Topic, events[n-1].Offset)
		events = events[n:]
	}
}

// heard is told that a topic has grown at least to head.
func (f *Feed) heard(id string, head eventlog.Offset) {
	if t := f.topic(id); t != nil {
		t.heard(head)
	}
}
