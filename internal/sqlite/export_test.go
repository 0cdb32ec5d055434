package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"

	"modernc.org/sqlite"
)

// Released is the program's own migrations.
var Released = released

// OpenWith opens a store as a program with other migrations would.
func OpenWith(ctx context.Context, dir string, opts *Options, migrations fs.FS) (*DB, error) {
	return open(ctx, dir, opts, migrations)
}

// LimitPages makes the disk full at so many pages, for the connection that writes and those after it.
func (db *DB) LimitPages(n int) error {
	return db.tune(func(conn *sql.Conn) error {
		_, err := conn.ExecContext(context.Background(), fmt.Sprintf(`PRAGMA max_page_count = %d`, n))
		return err
	})
}

// FailCommits has commits fail while fail says so.
func (db *DB) FailCommits(fail func() bool) error {
	return db.tune(func(conn *sql.Conn) error {
		return conn.Raw(func(driver any) error {
			hooks, ok := driver.(sqlite.HookRegisterer)
			if !ok {
				return errors.New("the driver has no hooks")
			}
			hooks.RegisterCommitHook(func() int32 {
				if fail() {
					return 1
				}
				return 0
			})
			return nil
		})
	})
}

// tune does something to the connection that writes and to those that come after it.
func (db *DB) tune(fn func(*sql.Conn) error) error {
	return db.writer.do(context.Background(), 0, 0, func(tx *batch) error {
		db.writer.tune = fn
		return fn(tx.session.conn)
	})
}

// RememberedTopics is how many heads the writer remembers.
func (db *DB) RememberedTopics() (n int) {
	_ = db.writer.do(context.Background(), 0, 0, func(tx *batch) error {
		n = len(tx.cache)
		return nil
	})
	return n
}

// CheckpointAt has the -wal file checkpointed and truncated at other sizes. It is called before the first append.
func (db *DB) CheckpointAt(after, above int64) { db.points.after, db.points.above = after, above }
