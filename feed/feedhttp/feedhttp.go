// Package feedhttp serves a feed over plain HTTP: poll, long-poll and Server-Sent Events, three ways to read one log with one cursor.
// It holds nothing between requests, so any process that shares the log serves any of them.
package feedhttp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/feed"
)

// Bounds of what a request may ask for.
const (
	MaxLimit     = 1000
	defaultLimit = 100
	newest       = 50 // what a poll without a cursor gets
	MaxWait      = 20 * time.Second
	maxAnswer    = 1 << 20 // bytes of events' data; fewer than asked are given rather than more
)

// A QueryError says which parameter of a request can't be understood.
type QueryError struct{ Param, Want string }

func (e *QueryError) Error() string { return fmt.Sprintf("parameter %s: want %s", e.Param, e.Want) }

// A ResetError says that a cursor can't be served: it is of another epoch, past the head or before the floor. The reader
// begins again from the state given.
type ResetError struct {
	Epoch string
	State eventlog.State
}

func (e *ResetError) Error() string {
	return fmt.Sprintf("the cursor can't be served: epoch %s, head %d, floor %d", e.Epoch, e.State.Head, e.State.Floor)
}

// A Handler answers requests for the events of a topic. All fields but Hold are required.
type Handler struct {
	Feed        *feed.Feed
	SSE         feed.Encoding                                     // the encoding whose events the feed's Encoder writes by AppendSSE
	Key         string                                            // the JSON key of the topic's title in an answer
	AppendEvent func(dst []byte, e *eventlog.Event) []byte        // appends an event as a JSON object
	Error       func(http.ResponseWriter, *http.Request, error)   // answers a request that can't be served
	Going       context.Context                                   // ends when the server goes: held requests are answered, streams end
	Hold        func(r *http.Request) (release func(), err error) // admits a request that will be held open; may be nil
}

// Serve answers a request for the topic.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request, id, title string) {
	q, err := parse(r)
	if err != nil {
		h.Error(w, r, err)
		return
	}
	if h.Hold != nil && (q.stream || q.wait > 0) {
		release, err := h.Hold(r)
		if err != nil {
			h.Error(w, r, err)
			return
		}
		defer release()
	}
	t, err := h.Feed.Open(r.Context(), id, title)
	if err != nil {
		h.Error(w, r, err)
		return
	}
	defer t.Close()
	if q.stream {
		h.stream(w, r, t, q)
		return
	}
	if err := h.page(w, r, t, title, q); err != nil {
		h.Error(w, r, err)
	}
}

// A query is what a request asks for.
type query struct {
	stream bool
	epoch  string
	after  eventlog.Offset // the cursor; -1: none
	before eventlog.Offset // a page backwards; 0: none
	last   int             // the newest so many; 0: not asked
	at     time.Time       // from the first event at or after this time; zero: not asked
	limit  int
	wait   time.Duration
}

func parse(r *http.Request) (query, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return query{}, &QueryError{"query", "a well-formed query"}
	}
	q := query{
		stream: strings.Contains(strings.ToLower(r.Header.Get("Accept")), "text/event-stream"),
		epoch:  values.Get("epoch"),
		after:  -1,
		limit:  defaultLimit,
	}
	p := params{values: values}
	if n, ok := p.number("after", 0); ok {
		q.after = eventlog.Offset(n)
	}
	if n, ok := p.number("before", 1); ok {
		q.before = eventlog.Offset(n)
	}
	if n, ok := p.number("last", 1); ok {
		q.last = int(min(n, MaxLimit))
	}
	q.at = p.time("at")
	if n, ok := p.number("limit", 0); ok {
		q.limit = int(min(max(n, 1), MaxLimit))
	} else if q.before > 0 || !q.at.IsZero() {
		q.limit = newest
	}
	if n, ok := p.number("wait", 0); ok {
		q.wait = min(time.Duration(min(n, 60))*time.Second, MaxWait)
	}
	given := 0
	for _, is := range []bool{q.after >= 0, q.before > 0, q.last > 0, !q.at.IsZero()} {
		if is {
			given++
		}
	}
	if p.err == nil && given > 1 {
		p.err = &QueryError{"after, before, last, at", "one of them"}
	}
	if p.err == nil && q.stream && !q.at.IsZero() {
		p.err = &QueryError{"at", "left out of a stream"}
	}
	if id := r.Header.Get("Last-Event-ID"); q.stream && id != "" {
		q.epoch, q.after = parseEventID(id)
	}
	return q, p.err
}

type params struct {
	values url.Values
	err    error
}

func (p *params) number(name string, least int64) (n int64, ok bool) {
	s := p.values.Get(name)
	if s == "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if errors.Is(err, strconv.ErrRange) { // n is the nearest number that there is: past every head, over every limit
		err = nil
	}
	if name == "limit" || name == "wait" { // these are clamped
		n = max(n, 0)
	}
	if err != nil || n < least || len(p.values[name]) > 1 {
		p.err = &QueryError{name, fmt.Sprintf("one whole number from %d", least)}
		return 0, false
	}
	return n, true
}

func (p *params) time(name string) time.Time {
	s := p.values.Get(name)
	if s == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.IsZero() || len(p.values[name]) > 1 {
		p.err = &QueryError{name, "one time like 2026-11-23T00:00:00Z"}
	}
	return t
}

// parseEventID takes an SSE id apart. One that isn't of ours is a cursor that can't be served.
func parseEventID(id string) (epoch string, after eventlog.Offset) {
	epoch, number, ok := strings.Cut(id, ":")
	n, err := strconv.ParseInt(number, 10, 64)
	if !ok || err != nil || n < 0 || epoch == "" {
		return "?", 0
	}
	return epoch, eventlog.Offset(n)
}

// check says whether the topic serves the query's cursor, and from which state.
func (h *Handler) check(ctx context.Context, t *feed.Topic, q query) (eventlog.State, error) {
	s, err := t.StateFor(ctx, q.after)
	if err != nil {
		return s, err
	}
	if (q.epoch != "" && q.epoch != h.Feed.Epoch()) || (q.after >= 0 && !s.Serves(q.after)) {
		return s, &ResetError{h.Feed.Epoch(), s}
	}
	return s, nil
}

// page answers poll, long-poll and pages backwards.
func (h *Handler) page(w http.ResponseWriter, r *http.Request, t *feed.Topic, title string, q query) error {
	s, err := h.check(r.Context(), t, q)
	if err != nil {
		return err
	}
	after, limit := q.span(s)
	if !q.at.IsZero() {
		if after, err = before(r.Context(), t, s, q.at); err != nil {
			return err
		}
		limit = q.limit
	}
	if q.wait > 0 && q.before == 0 && q.at.IsZero() && after >= s.Head {
		h.await(r.Context(), t, after, q.wait)
		s = t.State()
	}
	// The head that is told is the one from before the read, never past an event that should have been in the answer: who
	// has no other cursor goes on from it.
	events, err := t.Read(r.Context(), after, limit)
	if errors.Is(err, eventlog.ErrTrimmed) { // since the check
		return &ResetError{h.Feed.Epoch(), t.State()}
	}
	if err != nil {
		return err
	}
	events = bound(events, maxAnswer, q.after < 0 && q.at.IsZero())
	if n := len(events); n > 0 {
		s.Head = max(s.Head, events[n-1].Offset)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(append(h.AppendPage(nil, title, s, events), '\n')) // a client that has gone needs no answer
	return nil
}

// bound cuts events to what an answer of most bytes holds: the oldest go first when the newest were asked for, else the newest, which their reader
// asks for next.
func bound(events []eventlog.Event, most int, newest bool) []eventlog.Event {
	size := 0
	for i := range events {
		at := i
		if newest {
			at = len(events) - 1 - i
		}
		if size += len(events[at].Data); size <= most || i == 0 {
			continue
		}
		if newest {
			return events[at+1:]
		}
		return events[:at]
	}
	return events
}

// span says what to read: past which offset and how much.
func (q *query) span(s eventlog.State) (after eventlog.Offset, limit int) {
	switch {
	case q.before > 0:
		upto := min(q.before-1, s.Head)
		after = max(upto-eventlog.Offset(q.limit), s.Floor-1)
		return after, int(max(upto-after, 0))
	case q.after >= 0:
		return q.after, q.limit
	case q.wait > 0 && q.last == 0:
		return s.Head, q.limit
	}
	n := q.last
	if n == 0 {
		n = min(newest, q.limit)
	}
	return max(s.Head-eventlog.Offset(n), s.Floor-1), n
}

// await returns when there is something past the cursor, or the time is up, or the server goes.
func (h *Handler) await(ctx context.Context, t *feed.Topic, after eventlog.Offset, wait time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	defer context.AfterFunc(h.Going, cancel)()
	_ = t.Wait(ctx, after) // whatever ended it, the answer is what is there now
}

// before returns the cursor before the first event at or after a time. Times of events grow as their offsets do, but where a clock was set back: then it is
// one of the places where the time is passed.
func before(ctx context.Context, t *feed.Topic, s eventlog.State, at time.Time) (eventlog.Offset, error) {
	from, to := s.Floor-1, s.Head // the cursor is between them
	for from < to {
		middle := from + (to-from)/2
		events, err := t.Read(ctx, middle, 1)
		switch {
		case errors.Is(err, eventlog.ErrTrimmed): // since the check
			from = middle + 1
		case err != nil:
			return 0, err
		case len(events) > 0 && events[0].Time.Before(at):
			from = middle + 1
		default:
			to = middle
		}
	}
	return from, nil
}

// Newest returns the newest n events of a topic, or fewer when their data has more bytes than most, and the state to tell with them. Errors: those of the log.
func (h *Handler) Newest(ctx context.Context, t *feed.Topic, n, most int) (eventlog.State, []eventlog.Event, error) {
	s := t.State()
	events, err := t.Read(ctx, max(s.Head-eventlog.Offset(n), s.Floor-1), n)
	return s, bound(events, most, true), err
}

// AppendPage appends the answer with these events: one JSON object.
func (h *Handler) AppendPage(dst []byte, title string, s eventlog.State, events []eventlog.Event) []byte {
	dst = append(dst, '{')
	dst = strconv.AppendQuote(dst, h.Key)
	dst = append(dst, ':')
	dst = appendTitle(dst, title)
	dst = append(dst, `,"epoch":"`...)
	dst = append(dst, h.Feed.Epoch()...)
	dst = append(dst, '"', ',')
	dst = appendState(dst, s)
	dst = append(dst, `,"events":[`...)
	for i := range events {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = h.AppendEvent(dst, &events[i])
	}
	return append(dst, ']', '}')
}

// appendState appends head and floor as JSON members.
func appendState(dst []byte, s eventlog.State) []byte {
	dst = append(dst, `"head":`...)
	dst = strconv.AppendInt(dst, int64(s.Head), 10)
	dst = append(dst, `,"floor":`...)
	return strconv.AppendInt(dst, int64(s.Floor), 10)
}
