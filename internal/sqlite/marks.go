package sqlite

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/internal/chat"
)

const (
	putMark = `INSERT INTO marks (author, topic, read, level) SELECT ?1, ?2, ?3, ?4
		WHERE (SELECT count(*) FROM marks WHERE author = ?1) < ?5 OR EXISTS (SELECT 1 FROM marks WHERE author = ?1 AND topic = ?2)
		ON CONFLICT (author, topic) DO UPDATE SET read = max(read, excluded.read), level = excluded.level`
	moveMark = `UPDATE marks SET read = max(read, ?) WHERE author = ? AND topic = ?`
	dropMark = `DELETE FROM marks WHERE author = ? AND topic = ?`

	readMarks = `SELECT r.name, r.topic, m.read, m.level, coalesce(t.head, 0), coalesce(t.last, 0)
		FROM marks m JOIN rooms r ON r.topic = m.topic LEFT JOIN topics t ON t.name = m.topic
		WHERE m.author = ?1 ORDER BY t.last DESC, m.topic LIMIT ?2`
	readMark = `SELECT r.name, r.topic, m.read, m.level, coalesce(t.head, 0), coalesce(t.last, 0)
		FROM marks m JOIN rooms r ON r.topic = m.topic LEFT JOIN topics t ON t.name = m.topic
		WHERE m.author = ?1 AND m.topic = ?2`

	// The newest 1,000 events are looked at: a count over 100 is told as 100, and few rooms have less than that in so many.
	countUnread = `SELECT count(*) FROM (SELECT 1 FROM topics t JOIN events e ON e.topic_id = t.id
		WHERE t.name = ?1 AND e."offset" > max(?2, t.head - 1000, t.floor - 1) AND e.type = ?3 AND e.author <> ?4
			AND substr(e.data, 1, length(?5)) <> ?5 LIMIT ?6)`
)

// markStep is how many marks one transaction writes, so that appends needn't wait long for it.
const markStep = 256

// PutMarks remembers marks; see [chat.Store].
func (db *DB) PutMarks(ctx context.Context, marks ...chat.Mark) error {
	for step := range slices.Chunk(marks, markStep) {
		err := db.writer.do(ctx, len(step), 0, func(tx *batch) error {
			for i := range step {
				if err := tx.putMark(&step[i]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("put marks: %w", err)
		}
	}
	return nil
}

func (tx *batch) putMark(m *chat.Mark) error {
	if m.Level == "" {
		return tx.session.exec(tx.session.moveMark, int64(m.Read), m.Author, m.Room.Topic)
	}
	if err := tx.exec(addRoom, m.Room.Topic, m.Room.Name); err != nil {
		return err
	}
	return tx.exec(putMark, m.Author, m.Room.Topic, int64(m.Read), string(m.Level), chat.MaxMarks)
}

// DropMark forgets a mark; see [chat.Store].
func (db *DB) DropMark(ctx context.Context, author, topic string) error {
	err := db.writer.do(ctx, 1, 0, func(tx *batch) error { return tx.exec(dropMark, author, topic) })
	if err != nil {
		return fmt.Errorf("drop the mark in %s: %w", topic, err)
	}
	return nil
}

// Marks returns an author's marks; see [chat.Store].
func (db *DB) Marks(ctx context.Context, author, topic string, limit int) ([]chat.MarkedRoom, error) {
	marks, err := db.marks(ctx, author, topic, max(0, limit))
	if err != nil {
		return nil, fmt.Errorf("marks: %w", unreadable(ctx, err))
	}
	return marks, nil
}

func (db *DB) marks(ctx context.Context, author, topic string, limit int) ([]chat.MarkedRoom, error) {
	stmt, args := db.reads.marks, []any{author, limit}
	if topic != "" {
		stmt, args = db.reads.mark, []any{author, topic}
	}
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var marks []chat.MarkedRoom
	for rows.Next() {
		m := chat.MarkedRoom{Mark: chat.Mark{Author: author}}
		var ms int64
		if err := rows.Scan(&m.Room.Name, &m.Room.Topic, &m.Read, &m.Level, &m.Head, &ms); err != nil {
			return nil, err
		}
		if ms > 0 {
			m.Last = time.UnixMilli(ms).UTC()
		}
		marks = append(marks, m)
	}
	return marks, rows.Err()
}

// Unread counts messages past an offset; see [chat.Store].
func (db *DB) Unread(ctx context.Context, author, topic string, after eventlog.Offset) (int, error) {
	var n int
	err := db.reads.unread.QueryRowContext(ctx, topic, int64(after), chat.TypePosted, author, []byte(chat.DeletedData), chat.MaxUnread).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("unread in %s: %w", topic, unreadable(ctx, err))
	}
	return n, nil
}
