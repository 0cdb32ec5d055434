package web

import (
	"sync"

	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/feed"
	"github.com/teahouse-chat/teahouse/feed/feedhttp"
	"github.com/teahouse-chat/teahouse/internal/chat"
	"github.com/teahouse-chat/teahouse/ws"
)

// The ways in which a room's events are written to followers.
const (
	encPlain  feed.Encoding = iota // a text frame with a posted message's text, nothing else
	encPlainZ                      // the same, compressed
	encV1                          // teahouse.v1: an events frame
	encV1Z                         // the same, compressed
	encSSE                         // Server-Sent Events
)

// NewEncoder makes the encoder of a feed whose log has this epoch.
func NewEncoder(epoch string) feed.Encoder { return &encoder{epoch: epoch} }

type encoder struct {
	epoch   string
	scratch sync.Pool // of *[]byte
}

// AppendEvent implements [feed.Encoder].
func (c *encoder) AppendEvent(dst []byte, enc feed.Encoding, title string, e *eventlog.Event) []byte {
	if enc == encPlain || enc == encPlainZ {
		_, text, ok := chat.Said(e)
		if !ok {
			return dst
		}
		return appendText(dst, enc == encPlainZ, []byte(text))
	}
	buf := c.buffer()
	defer c.scratch.Put(buf)
	b := *buf
	if enc == encSSE {
		b = chat.AppendEvent(b, e)
		dst = feedhttp.AppendSSE(dst, c.epoch, e.Offset, b)
	} else {
		b = appendEvents(b, title, e)
		dst = appendText(dst, enc == encV1Z, b)
	}
	*buf = b
	return dst
}

// AppendReset implements [feed.Encoder].
func (c *encoder) AppendReset(dst []byte, enc feed.Encoding, title, epoch string, s eventlog.State) ([]byte, eventlog.Offset) {
	switch enc {
	case encV1, encV1Z:
		return appendText(dst, enc == encV1Z, resetFrame(title, epoch, s)), s.Head
	case encSSE:
		return feedhttp.AppendSSEReset(dst, epoch, s), s.Head
	}
	return dst, s.Floor - 1
}

func (c *encoder) buffer() *[]byte {
	if b, ok := c.scratch.Get().(*[]byte); ok {
		*b = (*b)[:0]
		return b
	}
	return new([]byte)
}

// appendText appends a text frame.
func appendText(dst []byte, compressed bool, payload []byte) []byte {
	if compressed {
		return ws.AppendCompressed(dst, ws.Text, payload)
	}
	return ws.AppendFrame(dst, ws.Text, payload)
}
