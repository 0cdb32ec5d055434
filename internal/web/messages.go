package web

import (
	"crypto/rand"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/teahouse-chat/teahouse/internal/chat"
)

const (
	maxJSONBytes = 128 << 10 // a text of 16 KiB may be written with escapes
	bodyTimeout  = 10 * time.Second
)

// newID makes an id for a post that has none.
func newID() string { return "s-" + strings.ToLower(rand.Text()) }

// postMessage takes a message: JSON, or any other body as it is.
func (h *Handler) postMessage(w http.ResponseWriter, r *http.Request, room chat.Room) {
	author, _ := h.author(r, r.URL.Query().Get("name"))
	p := chat.Post{Room: room, Author: author, ID: r.Header.Get("Idempotency-Key")}
	if err := readPost(w, r, &p); err != nil {
		h.fail(w, r, err)
		return
	}
	if p.ID == "" {
		p.ID = newID()
	}
	posted, err := h.postOne(r, p)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	status := http.StatusCreated
	if posted.Existed {
		status = http.StatusOK
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(chat.AppendEvent(nil, &posted.Event), '\n')) // a client that has gone needs no answer
}

// readPost reads text and id from the body. Errors: errJSON, errBody, errBodyTooLong.
func readPost(w http.ResponseWriter, r *http.Request, p *chat.Post) error {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) // "" for what isn't one
	most := int64(chat.MaxTextBytes) + 1
	if kind == "application/json" {
		most = maxJSONBytes
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if err != nil {
		return bodyError(err)
	}
	allowTime(w)
	if kind != "application/json" {
		p.Text = string(body)
		return nil
	}
	if err := checkDepth(body); err != nil {
		return err
	}
	var m struct {
		Text string `json:"text"`
		ID   string `json:"id"`
	}
	if err := json.Unmarshal(body, &m); err != nil || jsontext.Value(body).Kind() != '{' {
		return errJSON
	}
	p.Text = m.Text
	if m.ID != "" {
		p.ID = m.ID
	}
	return nil
}

// checkPost says whether a post may be made now, by its author and from an address, and counts it.
func (h *Handler) checkPost(p *chat.Post, address string) error {
	if err := h.opts.Chat.Check(p); err != nil {
		return err
	}
	if ok, wait := h.posts.Allow(address); !ok {
		return &chat.RateError{RetryAfter: wait}
	}
	return nil
}

// postOne checks and commits one post.
func (h *Handler) postOne(r *http.Request, p chat.Post) (chat.Posted, error) {
	if err := h.checkPost(&p, addressOf(r)); err != nil {
		return chat.Posted{}, err
	}
	answers, err := h.commit([]chat.Post{p})
	if err != nil {
		return chat.Posted{}, err
	}
	return answers[0], answers[0].Err
}

// limitBodyTime bounds how long a client may take to send its body, be it read by a handler or, unasked for, by net/http.
func limitBodyTime(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout)) // where it isn't supported there is none
}

// allowTime takes the bound back, once the body is read: the request may last longer than its body.
func allowTime(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // as in limitBodyTime
}

func bodyError(err error) error {
	switch {
	case err == nil:
		return nil
	case tooBig(err):
		return errBodyTooLong
	default:
		return errors.Join(errBody, err)
	}
}
