package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/teahouse-chat/teahouse/eventlog"
)

const (
	findTopic  = `SELECT id, head, floor FROM topics WHERE name = ?`
	addTopic   = `INSERT INTO topics (name) VALUES (?)`
	saveHead   = `UPDATE topics SET head = ?, last = ? WHERE id = ?`
	raiseFloor = `UPDATE topics SET floor = ? WHERE id = ?`

	addEvent = `INSERT INTO events (topic_id, "offset", time, type, author, id, data, amends) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (topic_id, author, id) DO NOTHING`
	findEvent   = `SELECT "offset", time, type, data, amends FROM events WHERE topic_id = ? AND author = ? AND id = ?`
	getEvent    = `SELECT time, type, author, id, data, amends FROM events WHERE topic_id = ? AND "offset" = ?`
	replaceData = `UPDATE events SET data = ? WHERE topic_id = ? AND "offset" = ?`
	dropData    = `UPDATE events SET data = x'' WHERE topic_id = ? AND "offset" >= ? AND "offset" < ?`
)

// maxTopics is how many topics' heads are remembered: some 100 bytes each.
const maxTopics = 16384

// A topic is what the writer knows of a topic.
type topic struct {
	id          int64
	head, floor eventlog.Offset
}

// A topicCache remembers topics as they are on disk.
type topicCache map[string]topic

// keep remembers what a transaction left, in place of others when there are too many.
func (c topicCache) keep(topics map[string]*batchTopic) {
	for name, t := range topics {
		if len(c) >= maxTopics {
			for other := range c {
				delete(c, other)
				break
			}
		}
		c[name] = t.topic
	}
}

// A batch is a transaction under way: topics as it will leave them, and the events it adds.
type batch struct {
	session *session
	cache   topicCache // as it was before; not changed
	now     time.Time
	topics  map[string]*batchTopic
	grown   []*batchTopic // that have events, in the order they got their first
}

type batchTopic struct {
	topic
	events []eventlog.Event
}

func newBatch(s *session, cache topicCache) *batch {
	return &batch{session: s, cache: cache, now: time.Now().UTC().Truncate(time.Millisecond), topics: map[string]*batchTopic{}}
}

// topic returns a topic; when nobody has appended to it, nil unless it is to be made.
func (tx *batch) topic(name string, create bool) (*batchTopic, error) {
	if t := tx.topics[name]; t != nil {
		return t, nil
	}
	t := &batchTopic{}
	if known, ok := tx.cache[name]; ok {
		t.topic = known
		tx.topics[name] = t
		return t, nil
	}
	err := tx.session.findTopic.QueryRow(name).Scan(&t.id, &t.head, &t.floor)
	if errors.Is(err, sql.ErrNoRows) {
		if !create {
			return nil, nil
		}
		t.floor = 1
		t.id, err = tx.addTopic(name)
	}
	if err != nil {
		return nil, fmt.Errorf("topic %s: %w", name, err)
	}
	tx.topics[name] = t
	return t, nil
}

func (tx *batch) addTopic(name string) (int64, error) {
	result, err := tx.session.addTopic.Exec(name)
	if err != nil {
		return 0, err
	}
	return result.LastInsertId()
}

// append adds one entry, or finds the event that it is already.
func (tx *batch) append(e eventlog.Entry) (eventlog.Appended, error) {
	t, err := tx.topic(e.Topic, true)
	if err != nil {
		return eventlog.Appended{}, err
	}
	amend := e.Amend
	e.Amend = nil
	event := eventlog.Event{Entry: e, Offset: t.head + 1, Time: tx.now}
	if amend != nil {
		first, err := tx.first(t, e)
		if first.Existed || err != nil {
			return first, err
		}
		refused, err := tx.amend(t, &event, amend)
		if refused != nil || err != nil {
			return eventlog.Appended{Err: refused}, err
		}
	}
	added, err := tx.insert(t, &event)
	if err != nil {
		return eventlog.Appended{}, fmt.Errorf("append to %s: %w", e.Topic, err)
	}
	if !added {
		return tx.first(t, e)
	}
	if t.events == nil {
		tx.grown = append(tx.grown, t)
	}
	t.head = event.Offset
	t.events = append(t.events, event)
	return eventlog.Appended{Event: event}, nil
}

// insert adds an event, unless there is one with its topic, author and id.
func (tx *batch) insert(t *batchTopic, e *eventlog.Event) (added bool, err error) {
	result, err := tx.session.addEvent.Exec(t.id, int64(e.Offset), e.Time.UnixMilli(), e.Type, e.Author, e.ID, blob(e.Data), int64(e.Amends))
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

// blob is data for a column that has no NULL.
func blob(data []byte) []byte {
	if data == nil {
		return []byte{}
	}
	return data
}

// first returns the event that has the topic, author and id of an entry, if there is one.
func (tx *batch) first(t *batchTopic, e eventlog.Entry) (eventlog.Appended, error) {
	event := eventlog.Event{Entry: e}
	var ms int64
	err := tx.session.findEvent.QueryRow(t.id, e.Author, e.ID).Scan(&event.Offset, &ms, &event.Type, &event.Data, &event.Amends)
	if errors.Is(err, sql.ErrNoRows) {
		return eventlog.Appended{}, nil
	}
	if err != nil {
		return eventlog.Appended{}, fmt.Errorf("find %s of %s in %s: %w", e.ID, e.Author, e.Topic, err)
	}
	event.Time = time.UnixMilli(ms).UTC()
	return eventlog.Appended{Event: event, Existed: true}, nil
}

// trim drops data up to step events on the way to the floor below. It reports whether it got there.
func (tx *batch) trim(name string, below eventlog.Offset, step int) (bool, error) {
	t, err := tx.topic(name, false)
	if t == nil || err != nil {
		return true, err
	}
	below = min(below, t.head+1)
	if below <= t.floor {
		return true, nil
	}
	next := min(below, t.floor+eventlog.Offset(step))
	if err := tx.session.exec(tx.session.dropData, t.id, int64(t.floor), int64(next)); err != nil {
		return false, fmt.Errorf("trim %s: %w", name, err)
	}
	if err := tx.session.exec(tx.session.raiseFloor, int64(next), t.id); err != nil {
		return false, fmt.Errorf("trim %s: %w", name, err)
	}
	t.floor = next
	return next == below, nil
}

// exec runs a statement that isn't worth preparing.
func (tx *batch) exec(statement string, args ...any) error {
	_, err := tx.session.conn.ExecContext(context.Background(), statement, args...)
	return err
}

// finish writes what the transaction has gathered: each grown topic's head, once.
func (tx *batch) finish() error {
	for _, t := range tx.grown {
		if err := tx.session.exec(tx.session.saveHead, int64(t.head), tx.now.UnixMilli(), t.id); err != nil {
			return fmt.Errorf("save the head of a topic: %w", err)
		}
	}
	return nil
}

// committed returns the events that were added, by topic, and how many bytes their data is.
func (tx *batch) committed() (events []eventlog.Event, bytes int) {
	for _, t := range tx.grown {
		events = append(events, t.events...)
	}
	for i := range events {
		bytes += len(events[i].Data)
	}
	return events, bytes
}
