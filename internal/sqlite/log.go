package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/teahouse-chat/teahouse/eventlog"
)

const (
	// One statement, so that floor and events are of one moment. A topic without events past the cursor is one row
	// of nulls.
	readEvents = `SELECT t.floor, e."offset", e.time, e.type, e.author, e.id, e.data, e.amends
		FROM topics t LEFT JOIN events e ON e.topic_id = t.id AND e."offset" > ?2
		WHERE t.name = ?1 ORDER BY e."offset" LIMIT ?3`

	readStates = `SELECT coalesce(t.head, 0), coalesce(t.floor, 1)
		FROM json_each(?) n LEFT JOIN topics t ON t.name = n.value ORDER BY n.id`
)

// trimStep is how many events one transaction trims, so that appends needn't wait long for it.
const trimStep = 1000

// amendBytes is what an amendment counts as, which reads and writes other events: a message with all the reactions that it may have.
const amendBytes = 64 << 10

// reads are the statements of the readers.
type reads struct{ events, states, rooms, secret, room, marks, mark, unread *sql.Stmt }

func prepareReads(ctx context.Context, db *sql.DB) (r reads, err error) {
	for _, p := range []struct {
		stmt **sql.Stmt
		text string
	}{
		{&r.events, readEvents},
		{&r.states, readStates},
		{&r.rooms, recentRooms},
		{&r.secret, findSecret},
		{&r.room, findRoom},
		{&r.marks, readMarks},
		{&r.mark, readMark},
		{&r.unread, countUnread},
	} {
		if *p.stmt, err = db.PrepareContext(ctx, p.text); err != nil {
			return reads{}, fmt.Errorf("prepare %q: %w", p.text, err)
		}
	}
	return r, nil
}

// Append adds entries; see [eventlog.Log].
func (db *DB) Append(ctx context.Context, entries ...eventlog.Entry) ([]eventlog.Appended, error) {
	if len(entries) == 0 {
		return nil, nil
	}
	bytes := 0
	for i := range entries {
		bytes += len(entries[i].Data)
		if entries[i].Amend != nil {
			bytes += amendBytes
		}
	}
	answers := make([]eventlog.Appended, len(entries))
	err := db.writer.do(ctx, len(entries), bytes, func(tx *batch) error {
		for i, e := range entries {
			var err error
			if answers[i], err = tx.append(e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("append: %w", err)
	}
	return answers, nil
}

// Read returns events past a cursor; see [eventlog.Log].
func (db *DB) Read(ctx context.Context, topic string, after eventlog.Offset, limit int) ([]eventlog.Event, error) {
	events, floor, err := db.read(ctx, topic, after, limit)
	if err == nil && after < floor-1 {
		err = eventlog.ErrTrimmed
	}
	if err != nil {
		return nil, fmt.Errorf("read %s after %d: %w", topic, after, err)
	}
	return events, nil
}

// read returns events past a cursor and the topic's floor.
func (db *DB) read(ctx context.Context, topic string, after eventlog.Offset, limit int) ([]eventlog.Event, eventlog.Offset, error) {
	rows, err := db.reads.events.QueryContext(ctx, topic, int64(after), max(1, limit))
	if err != nil {
		return nil, 0, unreadable(ctx, err)
	}
	defer rows.Close()
	var events []eventlog.Event
	floor := eventlog.Offset(1)
	for rows.Next() {
		e := eventlog.Event{Entry: eventlog.Entry{Topic: topic}}
		var offset, ms, amends sql.NullInt64
		var kind, author, id sql.NullString
		if err := rows.Scan(&floor, &offset, &ms, &kind, &author, &id, &e.Data, &amends); err != nil {
			return nil, 0, unreadable(ctx, err)
		}
		if !offset.Valid || limit < 1 {
			break
		}
		e.Offset, e.Time = eventlog.Offset(offset.Int64), time.UnixMilli(ms.Int64).UTC()
		e.Amends = eventlog.Offset(amends.Int64)
		e.Type, e.Author, e.ID = kind.String, author.String, id.String
		events = append(events, e)
	}
	if err := rows.Err(); err != nil {
		return nil, 0, unreadable(ctx, err)
	}
	return events, floor, nil
}

// States returns the state of each topic; see [eventlog.Log].
func (db *DB) States(ctx context.Context, topics ...string) ([]eventlog.State, error) {
	states, err := db.states(ctx, topics)
	if err != nil {
		return nil, fmt.Errorf("states: %w", unreadable(ctx, err))
	}
	return states, nil
}

func (db *DB) states(ctx context.Context, topics []string) ([]eventlog.State, error) {
	if len(topics) == 0 {
		return nil, nil
	}
	names, err := json.Marshal(topics)
	if err != nil {
		return nil, err
	}
	rows, err := db.reads.states.QueryContext(ctx, string(names))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	states := make([]eventlog.State, 0, len(topics))
	for rows.Next() {
		var s eventlog.State
		if err := rows.Scan(&s.Head, &s.Floor); err != nil {
			return nil, err
		}
		states = append(states, s)
	}
	return states, rows.Err()
}

// Trim drops the events below an offset; see [eventlog.Log]. Long ones are done in steps: a context that ends between
// two leaves the floor where it got to.
func (db *DB) Trim(ctx context.Context, topic string, below eventlog.Offset) error {
	for {
		var reached bool
		err := db.writer.do(ctx, trimStep, 0, func(tx *batch) (err error) {
			reached, err = tx.trim(topic, below, trimStep)
			return err
		})
		if err != nil {
			return fmt.Errorf("trim %s below %d: %w", topic, below, err)
		}
		if reached {
			return nil
		}
	}
}

// unreadable is the error of a read: the context's when that has ended, else ErrUnavailable.
func unreadable(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil {
		return ended
	}
	return unavailable(err)
}
