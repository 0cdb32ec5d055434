// Package sqlite keeps the log and the rooms in one SQLite database in a folder: [DB] is an [eventlog.Log] and a
// [chat.Store].
//
// One goroutine writes. It gathers everything that waits to be written, whichever room it is for, into one transaction
// and commits that with one fsync; readers run beside it, and checkpoints on a connection of their own. What a commit
// or an fsync fails to do is answered with [eventlog.ErrUnavailable] and never tried again behind the caller's back: the
// writer forgets what it remembers, opens its connection anew and reads the heads again.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"path/filepath"
	"runtime"
	"time"

	"github.com/gofrs/flock"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/internal/chat"
)

var (
	// ErrLocked says that another process has the data folder.
	ErrLocked = errors.New("another teahouse is using this folder; stop it, or choose another folder with --data")

	// ErrNewer says that the database was written by a newer program. It has not been touched.
	ErrNewer = errors.New("the database is from a newer teahouse; run that version, or choose another folder with --data")

	// ErrForeign says that the file is no teahouse database, or a damaged one. It has not been touched.
	ErrForeign = errors.New("not a teahouse database, or damaged; restore it from a backup, or choose another folder with --data")
)

// Options of a DB. The zero value works.
type Options struct {
	Logger *slog.Logger // where the store says that it fails and heals; nil means slog.Default()
	Trace  Trace        // what to tell a collector of metrics
}

// Trace holds functions that are told of what happens, each of which may be nil. They are called from the writer's
// goroutine and must be quick.
type Trace struct {
	Queued    func(jobs int)                              // how many calls waited when a transaction began
	Committed func(events, bytes int, took time.Duration) // a transaction is on disk; took is from its begin
	Failed    func(err error)                             // a transaction, or a checkpoint, failed
}

// A DB is an open store. It owns its folder until Close.
type DB struct {
	// Static.
	path    string
	epoch   string
	lock    *flock.Flock
	readers *sql.DB
	reads   reads
	writer  *writer
	points  *checkpointer
	ended   chan struct{} // closed when the goroutines have ended
	stop    context.CancelFunc
}

var (
	_ eventlog.Log = (*DB)(nil)
	_ chat.Store   = (*DB)(nil)
)

// Open opens the store in a folder, which it makes when missing. It applies pending migrations; a copy of the database
// as it was is kept in the folder's backup. Errors: ErrLocked, ErrNewer, ErrForeign.
func Open(ctx context.Context, dir string, opts *Options) (*DB, error) {
	return open(ctx, dir, opts, released())
}

func open(ctx context.Context, dir string, opts *Options, migrations fs.FS) (_ *DB, err error) {
	if opts == nil {
		opts = &Options{}
	}
	logger := opts.Logger
	if logger == nil {
		logger = slog.Default()
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, fmt.Errorf("open %s: %w", dir, err)
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", dir, err)
	}
	db := &DB{path: filepath.Join(dir, "teahouse.db"), lock: lock, ended: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("open %s: %w", dir, explained(err)), db.release())
		}
	}()
	if err := prepare(ctx, db.path, migrations); err != nil {
		return nil, err
	}
	if db.epoch, err = settleEpoch(ctx, db.path); err != nil {
		return nil, err
	}
	db.points = newCheckpointer(db.path, logger, opts.Trace)
	db.writer = newWriter(db.path, logger, opts.Trace, db.points)
	if err := db.writer.open(ctx); err != nil {
		return nil, err
	}
	if err := db.openReaders(ctx); err != nil {
		return nil, err
	}
	if err := syncFolder(dir); err != nil {
		return nil, err
	}
	db.run()
	return db, nil
}

// run starts the goroutines, which end with Close.
func (db *DB) run() {
	ctx, stop := context.WithCancel(context.Background())
	db.stop = stop
	points := make(chan struct{})
	go func() {
		defer close(points)
		db.points.run(ctx)
	}()
	go func() {
		defer close(db.ended)
		db.writer.run()
		stop()
		<-points
	}()
}

// Close waits for the appends that are under way, refuses new ones, brings the log into the database file and gives the
// folder free.
func (db *DB) Close() error {
	if !db.writer.end() {
		<-db.ended
		return nil
	}
	<-db.ended
	if err := db.release(); err != nil {
		return fmt.Errorf("close %s: %w", db.path, err)
	}
	return nil
}

// release closes whatever is open. No goroutine may be running.
func (db *DB) release() error {
	var errs []error
	if db.readers != nil {
		errs = append(errs, db.readers.Close())
	}
	if db.points != nil {
		errs = append(errs, db.points.close())
	}
	if db.writer != nil {
		errs = append(errs, db.writer.close())
	}
	return errors.Join(append(errs, db.lock.Close())...)
}

func (db *DB) openReaders(ctx context.Context) error {
	n := max(2, runtime.NumCPU())
	readers, err := connect(db.path, "mode=ro", "_pragma=query_only(1)")
	if err != nil {
		return err
	}
	db.readers = readers
	readers.SetMaxOpenConns(n)
	readers.SetMaxIdleConns(n)
	db.reads, err = prepareReads(ctx, readers)
	return err
}

// Epoch names the lineage of this store: another one after it was copied or restored.
func (db *DB) Epoch() string { return db.epoch }

// OnCommit sets fn to be told of what is committed; see [eventlog.Log].
func (db *DB) OnCommit(fn func(committed []eventlog.Event)) { db.writer.onCommit.Store(&fn) }

// connect returns a pool for the database file, with parameters as the driver knows them.
func connect(path string, params ...string) (*sql.DB, error) {
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), OmitHost: true}
	if filepath.VolumeName(path) != "" {
		u.Path = "/" + u.Path
	}
	u.RawQuery = "_pragma=busy_timeout(10000)"
	for _, p := range params {
		u.RawQuery += "&" + p
	}
	return sql.Open("sqlite", u.String())
}
