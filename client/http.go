package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// maxPage is the largest answer that is read: a thousand of the longest messages, with room to spare.
const maxPage = 64 << 20

// Post posts a message over HTTP and returns its event once it is on disk. The id, 1 to 64 printable ASCII characters, makes
// retries harmless: the same id, name and text again give the first event. With id "" Post makes one.
//
// It tries again, with the pause that the server asks for, when the server is overloaded or can't be reached, until ctx ends:
// give ctx a deadline. Other refusals are returned at once: ErrText for text that isn't UTF-8, *Error for text that is empty or longer than 4,000 characters.
func (r *Room) Post(ctx context.Context, text, id string) (Event, error) {
	if !utf8.ValidString(text) { // encoding/json would replace what isn't
		return Event{}, fmt.Errorf("post to %s: %w", r.page, ErrText)
	}
	if id == "" {
		id = newID()
	}
	body, err := json.Marshal(map[string]string{"text": text, "id": id})
	if err != nil {
		return Event{}, fmt.Errorf("post to %s: %w", r.page, err)
	}
	retry := backoff{min: r.min, max: r.max}
	for {
		var event Event
		err := r.do(ctx, http.MethodPost, r.at("messages", url.Values{}), body, &event)
		if err == nil {
			return event, nil
		}
		asked, again := worthRetrying(err)
		if !again || ctx.Err() != nil {
			return Event{}, fmt.Errorf("post to %s: %w", r.page, err)
		}
		pause := retry.next(asked)
		if r.retrying != nil {
			r.retrying(err, pause)
		}
		if over := sleep(ctx, pause); over != nil {
			return Event{}, fmt.Errorf("post to %s: %w", r.page, errors.Join(err, over))
		}
	}
}

// Last reads the newest n events, 1 to 1,000, oldest first.
func (r *Room) Last(ctx context.Context, n int) (Page, error) {
	return r.read(ctx, url.Values{"last": {strconv.Itoa(n)}})
}

// Before reads the n events, 1 to 1,000, that come before an offset, oldest first.
func (r *Room) Before(ctx context.Context, offset int64, n int) (Page, error) {
	return r.read(ctx, url.Values{"before": {strconv.FormatInt(offset, 10)}, "limit": {strconv.Itoa(n)}})
}

// After reads up to n events, 1 to 1,000, past a cursor. When there is none it waits for one, up to 20 s, and then gives a page
// without events; with wait 0 it answers at once. A cursor that can't be served is a *ResetError.
func (r *Room) After(ctx context.Context, c Cursor, n int, wait time.Duration) (Page, error) {
	query := url.Values{"limit": {strconv.Itoa(n)}}
	if wait > 0 {
		query.Set("wait", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	}
	c.addTo(query)
	return r.read(ctx, query)
}

func (r *Room) read(ctx context.Context, query url.Values) (Page, error) {
	var page Page
	if err := r.do(ctx, http.MethodGet, r.at("events", query), nil, &page); err != nil {
		return Page{}, fmt.Errorf("read %s: %w", r.page, err)
	}
	return page, nil
}

// do makes one request and decodes the answer to it.
func (r *Room) do(ctx context.Context, method, url string, body []byte, answer any) error {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return fatal{err}
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := r.http.Do(req)
	if err != nil {
		return withoutURL(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusCreated {
		return errorFrom(res)
	}
	if kind := res.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/json") {
		return fatal{fmt.Errorf("answer of type %q: not a Teahouse server?", kind)}
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, maxPage)).Decode(answer); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	return nil
}

// withoutURL takes off the method and URL that net/http puts before a cause: our own errors say what was under way.
func withoutURL(err error) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		return outer.Err
	}
	return err
}

// newID makes an id for a post that nobody else makes.
func newID() string { return "c-" + strings.ToLower(rand.Text()) }
