package client

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// DialOptions are what Dial may be told. The zero value, and a nil *DialOptions, mean the defaults.
type DialOptions struct {
	Protocols  []string      // subprotocols to offer, best first; default none
	Header     http.Header   // further headers of the handshake; default none
	MaxMessage int64         // longest message to accept, in bytes; default 16 MiB
	Timeout    time.Duration // for the connection and the handshake; default 15 s
}

// writeTimeout is how long a frame may take to leave, and closeWait how long the other side has to answer a close.
const (
	writeTimeout = 15 * time.Second
	closeWait    = time.Second
)

// A Conn is the client's end of a WebSocket (RFC 6455), without compression. Read is for one goroutine at a time; all else is
// safe for concurrent use.
type Conn struct {
	// Protocol is the subprotocol that the server chose, "" when none.
	Protocol string

	nc     net.Conn
	frames wsutil.Reader
	heard  atomic.Int64 // when a frame last came, Unix nanoseconds

	writing sync.Mutex // serializes the writes of frames
	closing bool       // a close frame has been written; guarded by writing
}

// Dial opens a WebSocket at a ws:// or wss:// URL. A server that answers with another status than 101 gives an *Error.
func Dial(ctx context.Context, url string, opts *DialOptions) (*Conn, error) {
	o := DialOptions{}
	if opts != nil {
		o = *opts
	}
	var refused error
	dialer := ws.Dialer{
		Protocols: o.Protocols,
		Header:    ws.HandshakeHeaderHTTP(o.Header),
		Timeout:   cmp.Or(o.Timeout, 15*time.Second),
		OnStatusError: func(_ int, _ []byte, response io.Reader) {
			res, err := http.ReadResponse(bufio.NewReader(response), nil)
			if err != nil {
				return // the status alone has to do
			}
			refused = errorFrom(res)
		},
	}
	nc, early, shake, err := dialer.Dial(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", url, cmp.Or(refused, err))
	}
	c := &Conn{Protocol: shake.Protocol, nc: nc}
	source := io.Reader(nc)
	if early != nil {
		source = early // frames that came with the handshake; it reads on from the connection
	}
	c.frames = wsutil.Reader{
		Source: source, State: ws.StateClientSide, CheckUTF8: true, MaxMessageSize: cmp.Or(o.MaxMessage, 16<<20),
		OnIntermediate: c.control,
	}
	c.heard.Store(time.Now().UnixNano())
	return c, nil
}

// Read returns the next message, text or binary. Pings are answered on the way. When the server closes, the error is a
// *CloseError; when the message breaks the protocol or is too long, the connection is closed with the code that says so.
func (c *Conn) Read() (payload []byte, binary bool, err error) {
	for {
		header, err := c.frames.NextFrame()
		if err != nil {
			return nil, false, c.failed(err)
		}
		c.heard.Store(time.Now().UnixNano())
		if header.OpCode.IsControl() {
			err = c.control(header, &c.frames)
		} else {
			payload, err = io.ReadAll(&c.frames)
		}
		if err != nil {
			return nil, false, c.failed(err)
		}
		if !header.OpCode.IsControl() {
			return payload, header.OpCode == ws.OpBinary, nil
		}
	}
}

// Quiet says for how long nothing has come, pings included.
func (c *Conn) Quiet() time.Duration { return time.Since(time.Unix(0, c.heard.Load())) }

// control answers a ping and a close, also one between the fragments of a message.
func (c *Conn) control(header ws.Header, body io.Reader) error {
	payload := make([]byte, header.Length) // at most 125 bytes: the reader has checked
	if _, err := io.ReadFull(body, payload); err != nil {
		return err
	}
	c.heard.Store(time.Now().UnixNano())
	switch header.OpCode {
	case ws.OpPing:
		return c.write(ws.NewPongFrame(payload))
	case ws.OpClose:
		if len(payload) == 0 {
			_ = c.write(ws.NewCloseFrame(nil)) // it may be gone already
			return &CloseError{Code: 1005}
		}
		code, reason := ws.ParseCloseFrameData(payload)
		if err := ws.CheckCloseFrameData(code, reason); err != nil {
			return err
		}
		_ = c.write(ws.NewCloseFrame(ws.NewCloseFrameBody(code, "")))
		return &CloseError{Code: int(code), Reason: reason}
	}
	return nil
}

// failed closes the connection for an error of reading, with a close frame that names what was wrong when it was the server.
func (c *Conn) failed(err error) error {
	var protocol ws.ProtocolError
	code := ws.StatusCode(0)
	switch {
	case errors.As(err, &protocol):
		code = ws.StatusProtocolError
	case errors.Is(err, wsutil.ErrInvalidUTF8):
		code = ws.StatusInvalidFramePayloadData
	case errors.Is(err, wsutil.ErrMessageTooLarge):
		code = ws.StatusMessageTooBig
	}
	if code != 0 {
		_ = c.write(ws.NewCloseFrame(ws.NewCloseFrameBody(code, "")))
	}
	_ = c.nc.Close()
	return fmt.Errorf("read from %s: %w", c.nc.RemoteAddr(), err)
}

// Write sends one message.
func (c *Conn) Write(payload []byte, binary bool) error {
	if binary {
		return c.write(ws.NewBinaryFrame(payload))
	}
	return c.write(ws.NewTextFrame(payload))
}

func (c *Conn) write(f ws.Frame) error {
	frame, err := ws.CompileFrame(ws.MaskFrame(f))
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.closing {
		return fmt.Errorf("write to %s: %w", c.nc.RemoteAddr(), net.ErrClosed)
	}
	c.closing = f.Header.OpCode == ws.OpClose
	if err := c.nc.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return fmt.Errorf("write to %s: %w", c.nc.RemoteAddr(), err)
	}
	if _, err := c.nc.Write(frame); err != nil {
		return fmt.Errorf("write to %s: %w", c.nc.RemoteAddr(), err)
	}
	return nil
}

// Close says goodbye with code 1000 and gives the server a second to answer it; a Read that is under way, or called after it,
// sees the answer. Then nothing more can come; if nobody reads, Abort frees the connection.
func (c *Conn) Close() error {
	if err := c.write(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusNormalClosure, ""))); err != nil {
		return c.nc.Close()
	}
	if err := c.nc.SetReadDeadline(time.Now().Add(closeWait)); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("close %s: %w", c.nc.RemoteAddr(), err) // ErrClosed: Read has seen the answer already
	}
	return nil
}

// Abort ends the connection without a word. A Read that is under way returns.
func (c *Conn) Abort() { _ = c.nc.Close() }
