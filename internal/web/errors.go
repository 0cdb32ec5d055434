package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/feed/feedhttp"
	"github.com/teahouse-chat/teahouse/internal/chat"
	"github.com/teahouse-chat/teahouse/internal/ratelimit"
	"github.com/teahouse-chat/teahouse/ws"
)

var (
	errNotFound    = errors.New("no such page")
	errMethod      = errors.New("method not allowed")
	errGoing       = errors.New("the server is going")
	errHost        = errors.New("not a name of this server")
	errOrigin      = errors.New("origin not allowed")
	errHeaders     = errors.New("too many header lines")
	errBody        = errors.New("body can't be read")
	errBodyTooLong = errors.New("body is too long")
	errJSON        = errors.New("not a JSON object")
	errFrameType   = errors.New("unknown frame type")
	errFrame       = errors.New("malformed frame")
	errNotJoined   = errors.New("room not joined")
	errRooms       = errors.New("too many rooms on one connection")
	errSubprotocol = errors.New("subprotocol missing")
	errCrowded     = errors.New("too many connections from one place")
	errFull        = errors.New("too many connections")
	errGuest       = errors.New("guest without cookie")
	errPass        = errors.New("pass is used or too old")
	errNotReady    = errors.New("messages don't flow")
	errPanic       = errors.New("panic") // was logged
)

// A problem is what somebody is told about an error: over HTTP the status and the rest, in a teahouse.v1 frame the code and the
// detail, on a plain socket the close code.
type problem struct {
	status int
	close  ws.CloseCode
	code   string // stable, for programs
	detail string // for people: what to do
}

// problems is the one table of errors. The first row whose error matches holds; an error without a row is "internal", and its text
// goes to the log only.
var problems = []struct {
	err error
	problem
}{
	{chat.ErrTextMalformed, problem{400, ws.CloseInvalidData, "text_malformed", "The text isn't valid UTF-8."}},
	{chat.ErrTextTooLong, problem{413, ws.CloseTooBig, "text_too_long", "The text is too long: send 1 to 4000 characters, at most 16 KiB."}},
	{chat.ErrTextEmpty, problem{422, ws.ClosePolicy, "text_empty", "The text is empty: send 1 to 4000 characters."}},
	{chat.ErrTextNUL, problem{422, ws.ClosePolicy, "text_nul", "The text holds the character U+0000: leave it out."}},
	{chat.ErrID, problem{422, ws.ClosePolicy, "id_invalid", "The id has to be 1 to 64 printable ASCII characters."}},
	{chat.ErrIDConflict, problem{409, ws.ClosePolicy, "id_conflict", "You have used this id for something else: send a new id."}},
	{chat.ErrNoMessage, problem{404, ws.ClosePolicy, "no_message", "There is no such message in this room."}},
	{chat.ErrNotYours, problem{403, ws.ClosePolicy, "not_yours", "Only its author may change a message, in the browser that it was written in."}},
	{chat.ErrDeleted, problem{409, ws.ClosePolicy, "message_deleted", "The message was deleted."}},
	{chat.ErrEmoji, problem{422, ws.ClosePolicy, "emoji_invalid", "A reaction is an emoji of at most 32 bytes."}},
	{chat.ErrReactions, problem{409, ws.ClosePolicy, "too_many_reactions", "The message has as many reactions as one may have."}},
	{chat.ErrLevel, problem{422, ws.ClosePolicy, "level_invalid", "The level has to be all, mentions or none."}},
	{errPass, problem{410, ws.ClosePolicy, "pass_invalid", "This link was used already, or is older than ten minutes: make a new one on the other device."}},
	{errGuest, problem{403, ws.ClosePolicy, "guest_unknown", "The server keeps this for guests with a cookie only: open a room's page first."}},
	{chat.ErrRoomName, roomProblem},
	{eventlog.ErrTrimmed, problem{410, ws.ClosePolicy, "reset", "The messages aren't kept any more: read again from the head."}},
	{eventlog.ErrUnavailable, problem{503, ws.CloseTryLater, "unavailable", "The message store doesn't answer now: try again in a moment."}},
	{errNotFound, problem{404, ws.ClosePolicy, "not_found", "There is nothing at this address."}},
	{errMethod, problem{405, ws.ClosePolicy, "method_not_allowed", "This address takes other methods: see the Allow header."}},
	{errGoing, problem{503, ws.CloseRestart, "restart", "The server is restarting: come back in a moment."}},
	{errNotReady, problem{503, ws.CloseTryLater, "not_ready", "A test message didn't come through."}},
	{errHost, problem{421, ws.ClosePolicy, "host_unknown", "The server doesn't go by this name: whoever runs it can set --public-url."}},
	{errOrigin, problem{403, ws.ClosePolicy, "origin_not_allowed", "Pages of this origin may not connect: whoever runs the server can allow it with --allow-origin."}},
	{errHeaders, problem{431, ws.ClosePolicy, "headers_too_many", "The request has more than 100 header lines."}},
	{errBody, problem{400, ws.ClosePolicy, "body_unreadable", "The body of the request can't be read: send it whole, and within 10 seconds."}},
	{errBodyTooLong, problem{413, ws.CloseTooBig, "text_too_long", "The body is too long: a text has at most 4000 characters and 16 KiB."}},
	{errJSON, problem{400, ws.ClosePolicy, "bad_json", "Not a JSON object."}},
	{errFrameType, problem{400, ws.ClosePolicy, "unknown_type", "The server doesn't know frames of this type."}},
	{errFrame, problem{400, ws.ClosePolicy, "bad_frame", "The frame's fields don't fit its type."}},
	{errNotJoined, problem{404, ws.ClosePolicy, "not_joined", "This connection hasn't joined that room."}},
	{errRooms, problem{429, ws.ClosePolicy, "too_many_rooms", "This connection is in as many rooms as one may be: leave some."}},
	{errSubprotocol, problem{400, ws.ClosePolicy, "subprotocol_required", "A socket at /ws has to offer the subprotocol teahouse.v1."}},
	{errCrowded, problem{429, ws.ClosePolicy, "too_many_connections", "You have too many connections: close some, or wait a moment."}},
	{errFull, problem{503, ws.CloseTryLater, "full", "The server has as many connections as it can take: come back in a moment."}},
	{errPanic, internalProblem},
	{context.Canceled, problem{503, ws.CloseTryLater, "canceled", "The request was given up."}},
	{context.DeadlineExceeded, problem{503, ws.CloseTryLater, "timeout", "It took too long: try again in a moment."}},
}

// roomProblem is the one whose page offers a better name.
var roomProblem = problem{404, ws.ClosePolicy, "room_invalid", "That isn't a room's name: use 1 to 64 letters, digits, - _ or ., not beginning with a dot."}

var internalProblem = problem{500, ws.CloseInternal, "internal", "Something went wrong here: it was logged."}

// describe says what to tell about an error; known is false when it has no row, and so should be logged.
func describe(err error) (p problem, known bool) {
	var rate *chat.RateError
	var query *feedhttp.QueryError
	var reset *feedhttp.ResetError
	var handshake *ws.HandshakeError
	switch {
	case errors.As(err, &rate):
		return problem{429, ws.ClosePolicy, "rate_limited", "Too often: wait a moment."}, true
	case errors.As(err, &query):
		return problem{400, ws.ClosePolicy, "bad_query", "In the query, " + query.Param + " has to be " + query.Want + "."}, true
	case errors.As(err, &reset):
		return problem{410, ws.ClosePolicy, "reset", "The cursor can't be served: read again from the head."}, true
	case errors.As(err, &handshake):
		return problem{handshake.Status, ws.ClosePolicy, "handshake", sentence(handshake.Reason)}, true
	}
	for _, row := range problems {
		if errors.Is(err, row.err) {
			return row.problem, true
		}
	}
	return internalProblem, false
}

func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

// retryAfter says when to come back; zero when it isn't known.
func retryAfter(err error) time.Duration {
	var rate *chat.RateError
	switch {
	case errors.As(err, &rate):
		return rate.RetryAfter
	case errors.Is(err, errCrowded), errors.Is(err, errFull):
		return 5 * time.Second
	case errors.Is(err, eventlog.ErrUnavailable), errors.Is(err, errGoing), errors.Is(err, errNotReady),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return 2 * time.Second
	}
	return 0
}

// A problemBody is an application/problem+json (RFC 9457).
type problemBody struct {
	Status int              `json:"status"`
	Title  string           `json:"title"`
	Detail string           `json:"detail"`
	Code   string           `json:"code"`
	Epoch  string           `json:"epoch,omitempty"`
	Head   *eventlog.Offset `json:"head,omitempty"`
	Floor  *eventlog.Offset `json:"floor,omitempty"`
}

// fail answers a request that can't be served.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	p, known := describe(err)
	if !known {
		h.opts.Logger.Error("request failed", "method", r.Method, "path", clip(r.URL.Path), "err", err)
	}
	if wait := retryAfter(err); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(ratelimit.Seconds(wait)))
	}
	var handshake *ws.HandshakeError
	if errors.As(err, &handshake) {
		for k, v := range handshake.Header {
			w.Header()[k] = v
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	if wantsPage(r) {
		h.errorPage(w, r, p)
		return
	}
	body := problemBody{Status: p.status, Title: http.StatusText(p.status), Detail: p.detail, Code: p.code}
	var reset *feedhttp.ResetError
	if errors.As(err, &reset) {
		body.Epoch, body.Head, body.Floor = reset.Epoch, &reset.State.Head, &reset.State.Floor
	}
	b, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("encode problem: %v", err)) // its fields are all encodable
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.status)
	_, _ = w.Write(append(b, '\n')) // a client that has gone needs no answer
}

// wantsPage reports whether a browser shows the answer to a person.
func wantsPage(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

// clip bounds what a log record holds of foreign text.
func clip(s string) string {
	const most = 256
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
