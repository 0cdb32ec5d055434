package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/internal/chat"
)

const (
	putMark = `INSERT INTO marks (author, topic, read, level) VALUES (?1, ?2, ?3, CASE ?4 WHEN '' THEN 'all' ELSE ?4 END)
		ON CONFLICT (author, topic) DO UPDATE SET read = max(read, excluded.read), level = CASE ?4 WHEN '' THEN level ELSE ?4 END`
	dropMark = `DELETE FROM marks WHERE author = ? AND topic = ?`

	readMarks = `SELECT r.name, r.topic, m.read, m.level, coalesce(t.head, 0), coalesce(t.last, 0)
		FROM marks m JOIN rooms r ON r.topic = m.topic LEFT JOIN topics t ON t.name = m.topic
		WHERE m.author = ?1 AND (?2 = '' OR m.topic = ?2) ORDER BY t.last DESC, m.topic LIMIT ?3`

	// The newest 1,000 events are looked at: a count over 100 is told as 100, and few rooms have less than that in so many.
	countUnread = `SELECT count(*) FROM (SELECT 1 FROM topics t JOIN events e ON e.topic_id = t.id
		WHERE t.name = ?1 AND e."offset" > max(?2, t.head - 1000, t.floor - 1) AND e.type = ?3 AND e.author <> ?4
			AND substr(e.data, 1, length(?5)) <> ?5 LIMIT ?6)`
)

// PutMarks remembers marks; see [chat.Store].
func (db *DB) PutMarks(ctx context.Context, marks ...chat.Mark) error {
	if len(marks) == 0 {
		return nil
	}
	err := db.writer.do(ctx, 2*len(marks), 0, func(tx *batch) error {
		for _, m := range marks {
			if err := tx.exec(addRoom, m.Room.Topic, m.Room.Name); err != nil {
				return err
			}
			if err := tx.exec(putMark, m.Author, m.Room.Topic, int64(m.Read), string(m.Level)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("put marks: %w", err)
	}
	return nil
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
	rows, err := db.reads.marks.QueryContext(ctx, author, topic, limit)
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
