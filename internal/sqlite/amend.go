package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/teahouse-chat/teahouse/eventlog"
)

// An amending is the [eventlog.Amending] of one entry.
type amending struct {
	tx       *batch
	topic    *batchTopic
	self     eventlog.Event
	replaced map[eventlog.Offset][]byte
	failed   error // the database's: the transaction can't go on
}

// amend has an event that is about to be appended change earlier ones. refused is what its own function says; err is the database's.
func (tx *batch) amend(t *batchTopic, event *eventlog.Event, fn func(eventlog.Amending) error) (refused, err error) {
	a := &amending{tx: tx, topic: t, self: *event, replaced: map[eventlog.Offset][]byte{}}
	refused = fn(a)
	if refused != nil || a.failed != nil {
		return refused, a.failed
	}
	for offset, data := range a.replaced {
		if err := tx.session.exec(tx.session.replaceData, blob(data), t.id, int64(offset)); err != nil {
			return nil, fmt.Errorf("amend event %d of %s: %w", offset, event.Topic, err)
		}
		t.amended(offset, data)
		event.Amends = max(event.Amends, offset)
	}
	return nil, nil
}

// amended notes the data of an event that this transaction may have added itself.
func (t *batchTopic) amended(offset eventlog.Offset, data []byte) {
	if i := int(offset-t.head) + len(t.events) - 1; i >= 0 {
		t.events[i].Data = data
	}
}

func (a *amending) Self() eventlog.Event { return a.self }

func (a *amending) Event(offset eventlog.Offset) (eventlog.Event, error) {
	e := eventlog.Event{Entry: eventlog.Entry{Topic: a.self.Topic}, Offset: offset}
	if offset < 1 || offset > a.topic.head {
		return eventlog.Event{}, fmt.Errorf("event %d: %w", offset, eventlog.ErrNoEvent)
	}
	if offset < a.topic.floor {
		return eventlog.Event{}, fmt.Errorf("event %d: %w", offset, eventlog.ErrTrimmed)
	}
	var ms int64
	err := a.tx.session.getEvent.QueryRow(a.topic.id, int64(offset)).Scan(&ms, &e.Type, &e.Author, &e.ID, &e.Data, &e.Amends)
	if errors.Is(err, sql.ErrNoRows) {
		return eventlog.Event{}, fmt.Errorf("event %d: %w", offset, eventlog.ErrNoEvent)
	}
	if err != nil {
		a.failed = fmt.Errorf("event %d of %s: %w", offset, a.self.Topic, err)
		return eventlog.Event{}, unavailable(a.failed)
	}
	e.Time = time.UnixMilli(ms).UTC()
	return e, nil
}

func (a *amending) Replace(offset eventlog.Offset, data []byte) { a.replaced[offset] = data }
