package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/teahouse-chat/teahouse/eventlog"
)

// What one transaction takes at most, but for a single call that is larger.
const (
	maxBatchEntries = 1024
	maxBatchBytes   = 4 << 20
)

var errClosed = errors.New("the store is closed")

// A job is a call that waits to be written.
type job struct {
	ctx            context.Context // the caller's: the job is left out when it has ended
	entries, bytes int             // how large it is
	work           func(tx *batch) error
	done           chan error // gets one answer, after the commit
}

// A writer owns the connection that writes.
type writer struct {
	// Static.
	path     string
	logger   *slog.Logger
	trace    Trace
	points   *checkpointer
	onCommit atomic.Pointer[func([]eventlog.Event)]
	wake     chan struct{} // one slot: there are jobs, or it is the end

	mu     sync.Mutex // Protects following.
	queue  []*job
	ending bool

	// Owned by run (before it starts and after it has ended, by Open and Close).
	session *session // nil while it couldn't be opened
	topics  topicCache
	failing bool                  // the last transaction failed
	tune    func(*sql.Conn) error // for tests: called with every connection that is opened
}

func newWriter(path string, logger *slog.Logger, trace Trace, points *checkpointer) *writer {
	return &writer{
		path: path, logger: logger, trace: trace, points: points,
		wake: make(chan struct{}, 1), topics: topicCache{},
	}
}

// do has the writer do work and waits until it is on disk. Errors: ErrUnavailable; the context's.
func (w *writer) do(ctx context.Context, entries, bytes int, work func(*batch) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j := &job{ctx: ctx, entries: entries, bytes: bytes, work: work, done: make(chan error, 1)}
	w.mu.Lock()
	if w.ending {
		w.mu.Unlock()
		return unavailable(errClosed)
	}
	w.queue = append(w.queue, j)
	w.mu.Unlock()
	w.rouse()
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *writer) rouse() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// end has run finish what waits and end. It reports whether it was the first to say so.
func (w *writer) end() bool {
	w.mu.Lock()
	first := !w.ending
	w.ending = true
	w.mu.Unlock()
	w.rouse()
	return first
}

// run writes until the end is told and nothing waits.
func (w *writer) run() {
	for range w.wake {
		for {
			jobs, ending := w.gather()
			if len(jobs) > 0 {
				w.write(jobs)
				continue
			}
			if ending {
				return
			}
			break
		}
	}
}

// gather takes what waits, as much as one transaction may hold.
func (w *writer) gather() (jobs []*job, ending bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.trace.Queued != nil && len(w.queue) > 0 {
		w.trace.Queued(len(w.queue))
	}
	n, entries, bytes := 0, 0, 0
	for ; n < len(w.queue); n++ {
		j := w.queue[n]
		entries += j.entries
		bytes += j.bytes
		if n > 0 && (entries > maxBatchEntries || bytes > maxBatchBytes) {
			break
		}
	}
	jobs = w.queue[:n:n]
	w.queue = w.queue[n:]
	if len(w.queue) == 0 {
		w.queue = nil // jobs has the array
	}
	return jobs, w.ending && n == 0
}

// write commits jobs in one transaction and then answers them.
func (w *writer) write(jobs []*job) {
	began := time.Now()
	waiting := jobs[:0]
	for _, j := range jobs {
		if err := j.ctx.Err(); err != nil {
			j.done <- err
			continue
		}
		waiting = append(waiting, j)
	}
	if len(waiting) == 0 {
		return
	}
	tx, err := w.transact(waiting)
	if err != nil {
		w.failed(err)
	} else {
		w.committed(tx, time.Since(began))
	}
	for _, j := range waiting {
		j.done <- err
	}
}

// transact does the jobs' work in one transaction, which is on disk when there is no error.
func (w *writer) transact(jobs []*job) (*batch, error) {
	if w.session == nil {
		if err := w.open(context.Background()); err != nil {
			return nil, unavailable(err)
		}
	}
	w.points.gate.Lock()
	defer w.points.gate.Unlock()
	tx := newBatch(w.session, w.topics)
	if err := w.session.exec(w.session.begin); err != nil {
		return nil, unavailable(fmt.Errorf("begin: %w", err))
	}
	for _, j := range jobs {
		if err := j.work(tx); err != nil {
			return nil, unavailable(err)
		}
	}
	if err := tx.finish(); err != nil {
		return nil, unavailable(err)
	}
	if err := w.session.exec(w.session.commit); err != nil {
		return nil, unavailable(fmt.Errorf("commit: %w", err))
	}
	return tx, nil
}

// committed remembers what the transaction left and tells of it, in this order: disk, heads, listeners.
func (w *writer) committed(tx *batch, took time.Duration) {
	if w.failing {
		w.failing = false
		w.logger.Info("the store writes again")
	}
	w.topics.keep(tx.topics)
	events, bytes := tx.committed()
	if fn := w.onCommit.Load(); fn != nil && len(events) > 0 {
		(*fn)(events)
	}
	if w.trace.Committed != nil {
		w.trace.Committed(len(events), bytes, took)
	}
	w.points.wrote(len(events), bytes)
}

// failed forgets everything that is remembered of the database and opens it anew: whether the transaction
// is in it is for the database to say.
func (w *writer) failed(err error) {
	clear(w.topics)
	if !w.failing {
		w.failing = true
		w.logger.Warn("the store can't write; reading goes on", "err", err)
	}
	if w.trace.Failed != nil {
		w.trace.Failed(err)
	}
	_ = w.close()                    // a transaction that is open in it is rolled back; nothing hangs on what closing says
	_ = w.open(context.Background()) // else the next transaction tries
}

func (w *writer) open(ctx context.Context) error {
	s, err := openSession(ctx, w.path, w.tune)
	if err != nil {
		return err
	}
	w.session = s
	return nil
}

func (w *writer) close() error {
	if w.session == nil {
		return nil
	}
	s := w.session
	w.session = nil
	return s.close()
}

// unavailable marks an error as one that a later call may not meet.
func unavailable(err error) error {
	return fmt.Errorf("%w: %w", eventlog.ErrUnavailable, err)
}
