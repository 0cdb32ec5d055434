package web

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/internal/chat"
)

// The frames of the subprotocol teahouse.v1 (see docs/protocol.md).
const subprotocol = "teahouse.v1"

const (
	maxDepth = 16 // of JSON from outside
	maxRef   = 64 // bytes
)

// A clientFrame is any frame from a client.
type clientFrame struct {
	Type  string           `json:"type"`
	Ref   jsontext.Value   `json:"ref"`
	Room  string           `json:"room"`
	After *eventlog.Offset `json:"after"`
	Epoch string           `json:"epoch"`
	Quiet bool             `json:"quiet"`
	ID    string           `json:"id"`
	Text  string           `json:"text"`
	Reply eventlog.Offset  `json:"reply"`

	Target eventlog.Offset `json:"target"`
	Emoji  string          `json:"emoji"`
	On     *bool           `json:"on"`

	Offset eventlog.Offset `json:"offset"`
	Name   string          `json:"name"`
	Hue    chat.Hue        `json:"hue,omitzero"`
	Kind   string          `json:"kind"`
}

// parseFrame reads a client's frame. Errors: errJSON; errFrame, and then the frame has the ref, so that the client knows which it was.
func parseFrame(b []byte) (clientFrame, error) {
	var f clientFrame
	if err := checkDepth(b); err != nil {
		return f, err
	}
	err := json.Unmarshal(b, &f)
	var semantic *json.SemanticError
	switch {
	case err != nil && !errors.As(err, &semantic), jsontext.Value(b).Kind() != '{':
		return clientFrame{}, errJSON
	case err != nil:
		return clientFrame{Ref: refOf(b)}, errFrame
	case !short(f.Ref):
		return clientFrame{}, errFrame
	case f.After != nil && *f.After < 0, f.Offset < 0, f.Reply < 0, f.Target < 0:
		return f, errFrame
	}
	return f, nil
}

// short reports whether a ref may be echoed: a string, a number or the like, of a few bytes.
func short(ref jsontext.Value) bool {
	return len(ref) <= maxRef && ref.Kind() != '{' && ref.Kind() != '['
}

// refOf is the ref of a frame whose other fields can't be read, nil when it can't be read either.
func refOf(b []byte) jsontext.Value {
	var f struct {
		Ref jsontext.Value `json:"ref"`
	}
	if err := json.Unmarshal(b, &f); err != nil || !short(f.Ref) {
		return nil
	}
	return f.Ref
}

// checkDepth refuses JSON that is nested more deeply than anything of ours.
func checkDepth(b []byte) error {
	depth, inString := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return errJSON
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

type stateFields struct {
	Room  string          `json:"room"`
	Epoch string          `json:"epoch"`
	Head  eventlog.Offset `json:"head"`
	Floor eventlog.Offset `json:"floor"`
}

type helloFrame struct {
	Type         string      `json:"type"`
	Author       chat.Author `json:"author"`
	Ping         int         `json:"ping"`
	*stateFields             // of the socket's own room; nil at /ws
}

type joinedFrame struct {
	Type string         `json:"type"`
	Ref  jsontext.Value `json:"ref,omitzero"`
	stateFields
}

type okFrame struct {
	Type   string          `json:"type"`
	Ref    jsontext.Value  `json:"ref,omitzero"`
	Room   string          `json:"room,omitzero"`
	Offset eventlog.Offset `json:"offset,omitzero"`
}

type errorFrame struct {
	Type       string         `json:"type"`
	Ref        jsontext.Value `json:"ref,omitzero"`
	Code       string         `json:"code"`
	Detail     string         `json:"detail"`
	RetryAfter float64        `json:"retry_after,omitzero"`
}

type signalFrame struct {
	Type   string      `json:"type"`
	Room   string      `json:"room"`
	Kind   string      `json:"kind"`
	Author chat.Author `json:"author"`
}

type presenceFrame struct {
	Type   string        `json:"type"`
	Room   string        `json:"room"`
	Count  int           `json:"count"`
	Joined []chat.Author `json:"joined"`
	Left   []chat.Author `json:"left"`
}

type readFrame struct {
	Type   string          `json:"type"`
	Room   string          `json:"room"`
	Offset eventlog.Offset `json:"offset"`
	Level  chat.Level      `json:"level"`
}

type byeFrame struct {
	Type       string  `json:"type"`
	Code       string  `json:"code"`
	RetryAfter float64 `json:"retry_after"`
}

type resetState struct {
	Type string `json:"type"`
	stateFields
}

// encode writes a frame of ours, whose fields are all encodable.
func encode(frame any) []byte {
	b, err := json.Marshal(frame)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", frame, err))
	}
	return b
}

func pongFrame() []byte { return []byte(`{"type":"pong"}`) }

func resetFrame(room, epoch string, s eventlog.State) []byte {
	return encode(resetState{Type: "reset", stateFields: stateFields{room, epoch, s.Head, s.Floor}})
}

// refusal is the error frame for err.
func refusal(ref jsontext.Value, err error) []byte {
	p, _ := describe(err)
	return encode(errorFrame{Type: "error", Ref: ref, Code: p.code, Detail: p.detail, RetryAfter: tenths(retryAfter(err))})
}

// tenths is a duration in seconds, rounded up to a tenth.
func tenths(d time.Duration) float64 { return math.Ceil(d.Seconds()*10) / 10 }

// appendEvents appends an events frame with one event: the hot one.
func appendEvents(dst []byte, room string, e *eventlog.Event) []byte {
	dst = append(dst, `{"type":"events","room":`...)
	dst, _ = jsontext.AppendQuote(dst, room) // a room's name is valid UTF-8
	dst = append(dst, `,"events":[`...)
	dst = chat.AppendEvent(dst, e)
	return append(dst, ']', '}')
}
