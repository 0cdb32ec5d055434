package feedhttp

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/feed"
)

const (
	keepAlive    = 15 * time.Second // a comment at least so often
	writeTimeout = 15 * time.Second // a stream whose reader doesn't take a batch within this ends
)

// AppendSSE appends an event in the form of a stream (WHATWG HTML, 9.2): its id is a cursor, its data one line of JSON.
func AppendSSE(dst []byte, epoch string, offset eventlog.Offset, json []byte) []byte {
	dst = appendID(dst, epoch, offset)
	dst = append(dst, "data: "...)
	dst = append(dst, json...)
	return append(dst, '\n', '\n')
}

// AppendSSEReset appends the event that tells a stream's reader to begin again: from its id, the head.
func AppendSSEReset(dst []byte, epoch string, s eventlog.State) []byte {
	dst = append(dst, "event: reset\n"...)
	data := append([]byte(nil), `{"epoch":"`...)
	data = append(data, epoch...)
	data = append(data, '"', ',')
	data = appendState(data, s)
	return AppendSSE(dst, epoch, s.Head, append(data, '}'))
}

// appendCursor tells a reader that named no cursor where its stream begins, so that one that loses the stream before the first event
// comes back with a cursor. A block without data is no event, but its id counts (9.2.6).
func appendCursor(dst []byte, epoch string, cursor eventlog.Offset) []byte {
	return append(appendID(dst, epoch, cursor), '\n')
}

func appendID(dst []byte, epoch string, offset eventlog.Offset) []byte {
	dst = append(dst, "id: "...)
	dst = append(dst, epoch...)
	dst = append(dst, ':')
	dst = strconv.AppendInt(dst, int64(offset), 10)
	return append(dst, '\n')
}

func appendTitle(dst []byte, title string) []byte {
	dst, _ = jsontext.AppendQuote(dst, title) // a title is valid UTF-8
	return dst
}

// A stream is the member that an SSE request is: it holds one batch while the one before is written.
type stream struct {
	ready chan struct{} // one slot: batch is set

	mu    sync.Mutex
	batch []byte
	again func()
}

// Offer implements [feed.Member].
func (s *stream) Offer(batch []byte, again func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(batch) == 0 {
		return true
	}
	if s.batch != nil {
		s.again = again
		return false
	}
	s.batch = batch
	s.ready <- struct{}{}
	return true
}

// take empties the slot and says that it is empty.
func (s *stream) take() []byte {
	s.mu.Lock()
	batch, again := s.batch, s.again
	s.batch, s.again = nil, nil
	s.mu.Unlock()
	if again != nil {
		again()
	}
	return batch
}

func (h *Handler) stream(w http.ResponseWriter, r *http.Request, t *feed.Topic, q query) {
	first, cursor, err := h.begin(r.Context(), t, q)
	if err != nil {
		h.Error(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // a proxy is to pass events on at once
	out := http.NewResponseController(w)
	write := func(b []byte) bool {
		_ = out.SetWriteDeadline(time.Now().Add(writeTimeout)) // where it isn't supported the write just has none
		if _, err := w.Write(b); err != nil {
			return false
		}
		return out.Flush() == nil
	}

	if !write(first) || r.Method == http.MethodHead {
		return
	}
	s := &stream{ready: make(chan struct{}, 1)}
	member := t.Follow(s, h.SSE, cursor)
	defer member.Leave()

	quiet := time.NewTicker(keepAlive)
	defer quiet.Stop()
	for ok := true; ok; {
		select {
		case <-s.ready:
			ok = write(s.take())
			quiet.Reset(keepAlive)
		case <-quiet.C:
			ok = write([]byte(":\n\n"))
		case <-r.Context().Done():
			return
		case <-h.Going.Done():
			return
		}
	}
}

// begin returns what a stream begins with, and the cursor from which it follows.
func (h *Handler) begin(ctx context.Context, t *feed.Topic, q query) (first []byte, cursor eventlog.Offset, err error) {
	first = []byte("retry: 2000\n\n")
	state, err := h.check(ctx, t, q)
	var reset *ResetError
	switch {
	case errors.As(err, &reset):
		return AppendSSEReset(first, h.Feed.Epoch(), state), state.Head, nil
	case err != nil:
		return nil, 0, err
	case q.after < 0:
		cursor, _ = q.streamSpan(state)
		return appendCursor(first, h.Feed.Epoch(), cursor), cursor, nil
	}
	return first, q.after, nil
}

// streamSpan says where a stream without a cursor starts: at the head, or as far back as was asked.
func (q *query) streamSpan(s eventlog.State) (after eventlog.Offset, limit int) {
	if q.last == 0 && q.before == 0 {
		return s.Head, 0
	}
	return q.span(s)
}
