package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
)

const (
	checkpointAfter = 4 << 20  // bytes that went into the -wal file since the last checkpoint
	truncateAbove   = 64 << 20 // bytes of the -wal file: then writers wait until it is empty
	pageSize        = 4096
)

// A checkpointer brings what is in the -wal file into the database, on a connection of its own, so that no append waits
// for it but when the file has grown too large.
type checkpointer struct {
	// Static.
	path   string
	logger *slog.Logger
	trace  Trace
	wake   chan struct{} // one slot: look at dirty
	after  int64         // checkpointAfter, but in tests
	above  int64         // truncateAbove, but in tests

	// Held by the writer for each transaction and by run while it truncates: SQLite's own lock is polled for, and a busy
	// writer would never be met between two transactions.
	gate sync.Mutex

	dirty atomic.Int64 // about how many bytes went into the -wal file since the last checkpoint

	// Owned by run (after it has ended, by Close).
	db *sql.DB
}

func newCheckpointer(path string, logger *slog.Logger, trace Trace) *checkpointer {
	return &checkpointer{
		path: path, logger: logger, trace: trace, wake: make(chan struct{}, 1),
		after: checkpointAfter, above: truncateAbove,
	}
}

// wrote tells of a commit. An event dirties a page of its table and one of its index, seldom more.
func (c *checkpointer) wrote(events, bytes int) {
	if c.dirty.Add(int64(events*2+1)*pageSize+int64(bytes)) < c.after {
		return
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *checkpointer) run(ctx context.Context) {
	for {
		select {
		case <-c.wake:
		case <-ctx.Done():
			return
		}
		if err := c.checkpoint(ctx); err != nil && ctx.Err() == nil {
			c.logger.Warn("checkpoint", "err", err)
			if c.trace.Failed != nil {
				c.trace.Failed(err)
			}
		}
	}
}

func (c *checkpointer) checkpoint(ctx context.Context) error {
	info, err := os.Stat(c.path + "-wal")
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() < c.after {
		return nil
	}
	if err != nil {
		return err
	}
	if c.db == nil {
		if c.db, err = connect(c.path, "mode=rw", "_pragma=synchronous(FULL)", "_pragma=wal_autocheckpoint(0)"); err != nil {
			return err
		}
		c.db.SetMaxOpenConns(1)
	}
	c.dirty.Store(0)
	var busy, pages, moved int
	err = c.db.QueryRowContext(ctx, `PRAGMA wal_checkpoint(PASSIVE)`).Scan(&busy, &pages, &moved)
	if err != nil || info.Size() <= c.above {
		return err
	}
	c.gate.Lock() // only what was written during the passive one is left to do
	defer c.gate.Unlock()
	return c.db.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &pages, &moved)
}

func (c *checkpointer) close() error {
	if c.db == nil {
		return nil
	}
	return c.db.Close()
}
