package channels

import (
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/teahouse-chat/teahouse/ws"
)

// CloseCode says why a connection ended; package ws has the codes.
type CloseCode = ws.CloseCode

// A Frame is a whole WebSocket message, text or binary.
type Frame struct {
	Op      ws.Opcode // ws.Text or ws.Binary
	Payload []byte
}

// Text is a text frame. The string must be UTF-8.
func Text(s string) Frame { return Frame{ws.Text, []byte(s)} }

// Binary is a binary frame.
func Binary(b []byte) Frame { return Frame{ws.Binary, b} }

// JSON is a text frame with v as JSON. Errors: v can't be written so.
func JSON(v any) (Frame, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return Frame{}, fmt.Errorf("write %T as JSON: %w", v, err)
	}
	return Frame{ws.Text, b}, nil
}

// Text is a copy of the payload as a string.
func (f Frame) Text() string { return string(f.Payload) }

// IsText reports whether it is a text frame.
func (f Frame) IsText() bool { return f.Op == ws.Text }

// JSON reads the frame's JSON into v, a pointer. Errors are CloseErrors, so that a consumer can return them as they are: ws.CloseUnsupported for a binary frame,
// ws.CloseInvalidData for what isn't JSON or doesn't fit v.
func (f Frame) JSON(v any) error {
	if !f.IsText() {
		return &CloseError{ws.CloseUnsupported, "text only"}
	}
	if err := json.Unmarshal(f.Payload, v); err != nil {
		return &CloseError{ws.CloseInvalidData, "not the JSON that is expected"}
	}
	return nil
}
