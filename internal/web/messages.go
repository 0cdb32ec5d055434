package web

import (
	"crypto/rand"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/teahouse-chat/teahouse/eventlog"
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
	p := h.newPost(r, room, chat.TypePosted)
	if err := readPost(w, r, &p); err != nil {
		h.fail(w, r, err)
		return
	}
	h.answerPost(w, r, p, http.StatusCreated)
}

// editMessage takes a message's new text, in the same forms.
func (h *Handler) editMessage(w http.ResponseWriter, r *http.Request, room chat.Room) {
	p := h.newPost(r, room, chat.TypeEdited)
	if err := readPost(w, r, &p); err != nil {
		h.fail(w, r, err)
		return
	}
	p.Reply = 0 // an edit doesn't change what a message answers
	h.answerPost(w, r, p, http.StatusOK)
}

func (h *Handler) deleteMessage(w http.ResponseWriter, r *http.Request, room chat.Room) {
	h.answerPost(w, r, h.newPost(r, room, chat.TypeDeleted), http.StatusOK)
}

// react makes a reaction, or takes it back.
func (h *Handler) react(on bool) func(http.ResponseWriter, *http.Request, chat.Room) {
	return func(w http.ResponseWriter, r *http.Request, room chat.Room) {
		p := h.newPost(r, room, chat.TypeReacted)
		p.Emoji, p.On = r.PathValue("emoji"), on
		h.answerPost(w, r, p, http.StatusOK)
	}
}

// newPost is what a request asks for, but for its body.
func (h *Handler) newPost(r *http.Request, room chat.Room, kind string) chat.Post {
	author := h.named(r)
	target, _ := strconv.ParseInt(r.PathValue("offset"), 10, 64) // what isn't a number is no message's
	return chat.Post{Type: kind, Room: room, Author: author, ID: r.Header.Get("Idempotency-Key"), Target: eventlog.Offset(target)}
}

// answerPost commits a post and answers with its event: with the status given when it is new.
func (h *Handler) answerPost(w http.ResponseWriter, r *http.Request, p chat.Post, status int) {
	if p.ID == "" {
		p.ID = newID()
	}
	posted, err := h.postOne(r, p)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	if posted.Existed {
		status = http.StatusOK
	}
	writeJSON(w, status, chat.AppendEvent(nil, &posted.Event))
}

// writeJSON answers with JSON that isn't to be kept.
func writeJSON(w http.ResponseWriter, status int, b []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // a client that has gone needs no answer
}

// readPost reads text, id and what is answered from the body. Errors: errJSON, errBody, errBodyTooLong.
func readPost(w http.ResponseWriter, r *http.Request, p *chat.Post) error {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) // "" for what isn't one
	if kind != "application/json" {
		body, err := readBody(w, r, int64(chat.MaxTextBytes)+1)
		p.Text = string(body)
		return err
	}
	var m struct {
		Text  string          `json:"text"`
		ID    string          `json:"id"`
		Reply eventlog.Offset `json:"reply"`
	}
	if err := readJSON(w, r, &m); err != nil {
		return err
	}
	p.Text, p.Reply = m.Text, m.Reply
	if m.ID != "" {
		p.ID = m.ID
	}
	return nil
}

// readJSON reads a body that is a JSON object, whatever its type says. Errors: errJSON, errBody, errBodyTooLong.
func readJSON(w http.ResponseWriter, r *http.Request, v any) error {
	body, err := readBody(w, r, maxJSONBytes)
	if err != nil {
		return err
	}
	if err := checkDepth(body); err != nil {
		return err
	}
	if err := json.Unmarshal(body, v); err != nil || jsontext.Value(body).Kind() != '{' {
		return errJSON
	}
	return nil
}

func readBody(w http.ResponseWriter, r *http.Request, most int64) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if err != nil {
		return nil, bodyError(err)
	}
	allowTime(w)
	return body, nil
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
