package ws

import (
	"errors"
	"strconv"
)

// An Opcode says what a frame carries (RFC 6455 section 5.2, and its IANA registry).
type Opcode uint8

// The opcodes that exist. [Handler.Message] sees only Text and Binary; [Conn.Send] takes only these two.
const (
	Continuation Opcode = 0x0
	Text         Opcode = 0x1 // the payload is UTF-8
	Binary       Opcode = 0x2
	closeFrame   Opcode = 0x8
	pingFrame    Opcode = 0x9
	pongFrame    Opcode = 0xa
)

// A CloseCode says why a connection ended (RFC 6455 section 7.4, and its IANA registry). 3000 to 3999 are for
// libraries, 4000 to 4999 for programs.
type CloseCode uint16

// The close codes that this package uses or that programs commonly want.
const (
	CloseNormal        CloseCode = 1000 // the purpose is fulfilled
	CloseGoingAway     CloseCode = 1001 // the page was left, or the server stops
	CloseProtocolError CloseCode = 1002 // the peer broke RFC 6455
	CloseUnsupported   CloseCode = 1003 // a kind of data that isn't taken here
	CloseNoStatus      CloseCode = 1005 // never sent: the peer's close frame had no code
	CloseAbnormal      CloseCode = 1006 // never sent: the connection broke without a close frame
	CloseInvalidData   CloseCode = 1007 // text that isn't UTF-8, or compressed data that isn't deflate
	ClosePolicy        CloseCode = 1008 // too many control frames or fragments, too slow a message
	CloseTooBig        CloseCode = 1009 // a message over Options.MaxMessage
	CloseInternal      CloseCode = 1011 // the handler panicked
	CloseRestart       CloseCode = 1012 // the service restarts: come back
	CloseTryLater      CloseCode = 1013 // the server is overloaded: come back later
	CloseTooSlow       CloseCode = 4408 // the peer doesn't read what it is sent: come back (Teahouse's own)
)

// String is the code's number.
func (c CloseCode) String() string { return strconv.Itoa(int(c)) }

// Sendable reports whether the code may stand in a close frame: those that RFC 6455 section 7.4.1 and IANA define for use on
// the wire, and the ranges for libraries and programs.
func (c CloseCode) Sendable() bool {
	switch {
	case c >= 1000 && c <= 1003, c >= 1007 && c <= 1014, c >= 3000 && c <= 4999:
		return true
	}
	return false
}

var (
	// ErrClosed says that the connection, or the server, is closed or closing, so nothing more can be sent.
	ErrClosed = errors.New("ws: closed")

	// ErrTooBig says that a single message is larger than 1 MiB and than Options.MaxQueue.
	ErrTooBig = errors.New("ws: message too big to queue")

	// ErrTooSlow says that the peer reads too slowly for what it is sent; the connection is being closed with CloseTooSlow.
	ErrTooSlow = errors.New("ws: peer reads too slowly")
)
