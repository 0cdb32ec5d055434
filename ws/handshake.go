package ws

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// A HandshakeError says why a request was not upgraded, and how it is to be answered.
type HandshakeError struct {
	Status int         // the HTTP status
	Reason string      // for the client: what is wrong, in a few words
	Header http.Header // to be set on the answer; may be nil
}

// Error is "ws: handshake: " and the reason.
func (e *HandshakeError) Error() string { return "ws: handshake: " + e.Reason }

func badRequest(format string, args ...any) *HandshakeError {
	return &HandshakeError{Status: http.StatusBadRequest, Reason: fmt.Sprintf(format, args...)}
}

func upgradeRequired(reason string) *HandshakeError {
	return &HandshakeError{Status: http.StatusUpgradeRequired, Reason: reason, Header: http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"},
	}}
}

// An agreement is what the two sides agree on in the handshake.
type agreement struct {
	accept      string // the value of Sec-WebSocket-Accept
	subprotocol string
	extension   string // the answer to the offers; "" for none
}

// Check says what Upgrade would do with a request as it is: a *HandshakeError that it would refuse it with, else whether the connection would be
// compressed (see [Conn.Compressed]). It answers nothing, for those who have to ask somebody first.
func (s *Server) Check(r *http.Request) (compressed bool, err error) {
	a, refused := s.agree(r, "")
	if refused != nil {
		return false, refused
	}
	return a.extension != "", nil
}

// agree checks a request by RFC 6455 section 4.2.1 and answers it by section 4.2.2. chosen is the subprotocol that the caller wants, "" for
// the first of the server's that fits.
func (s *Server) agree(r *http.Request, chosen string) (agreement, *HandshakeError) {
	var a agreement
	if err := checkRequest(r); err != nil {
		return a, err
	}
	if !s.opts.CheckOrigin(r) {
		return a, &HandshakeError{Status: http.StatusForbidden, Reason: "origin not allowed"}
	}
	var ok bool
	if a.extension, ok = negotiateDeflate(r.Header["Sec-Websocket-Extensions"]); !ok {
		return a, badRequest("malformed Sec-WebSocket-Extensions")
	}
	if !s.opts.Compress {
		a.extension = ""
	}
	ours := s.opts.Subprotocols
	if chosen != "" {
		ours = []string{chosen}
	}
	if a.subprotocol, ok = pickSubprotocol(ours, r.Header["Sec-Websocket-Protocol"]); !ok {
		return a, badRequest("malformed Sec-WebSocket-Protocol")
	}
	sum := sha1.Sum([]byte(r.Header.Get("Sec-Websocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	a.accept = base64.StdEncoding.EncodeToString(sum[:])
	return a, nil
}

// checkRequest makes the checks that every handshake must pass, whatever the server's options.
func checkRequest(r *http.Request) *HandshakeError {
	if r.ProtoMajor != 1 || r.ProtoMinor < 1 {
		return &HandshakeError{Status: http.StatusHTTPVersionNotSupported, Reason: "WebSocket needs HTTP/1.1 here, not " + r.Proto}
	}
	if !IsUpgrade(r) || !hasToken(r.Header["Connection"], "upgrade") {
		return upgradeRequired("this is a WebSocket: the request needs Upgrade: websocket and Connection: Upgrade")
	}
	if r.Method != http.MethodGet {
		return &HandshakeError{
			Status: http.StatusMethodNotAllowed, Reason: "a WebSocket is opened with GET",
			Header: http.Header{"Allow": {http.MethodGet}},
		}
	}
	if r.Host == "" {
		return badRequest("no Host")
	}
	if r.ContentLength != 0 {
		return badRequest("a WebSocket handshake has no body")
	}
	for _, name := range []string{"Sec-Websocket-Key", "Sec-Websocket-Version", "Origin"} {
		if len(r.Header[name]) > 1 {
			return badRequest("more than one %s", name)
		}
	}
	if v := r.Header.Get("Sec-Websocket-Version"); v != "13" {
		return upgradeRequired("WebSocket version 13 is needed")
	}
	if key, err := base64.StdEncoding.Strict().DecodeString(r.Header.Get("Sec-Websocket-Key")); err != nil || len(key) != 16 {
		return badRequest("Sec-WebSocket-Key is not 16 bytes in base64")
	}
	return nil
}

// IsUpgrade reports whether a request asks for a WebSocket, well-formed or not: whether its Upgrade field names it (RFC 6455 section 4.2.1).
func IsUpgrade(r *http.Request) bool { return hasToken(r.Header["Upgrade"], "websocket") }

// hasToken reports whether the comma-separated values contain a token, in any case.
func hasToken(values []string, token string) bool {
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.Trim(part, " \t"), token) {
				return true
			}
		}
	}
	return false
}

// pickSubprotocol returns the first of ours that the client offers, "" when it offers none of them. ok is false when the
// client's list isn't made of tokens.
func pickSubprotocol(ours, offered []string) (picked string, ok bool) {
	var theirs []string
	for _, v := range offered {
		for part := range strings.SplitSeq(v, ",") {
			part = strings.Trim(part, " \t")
			if token, rest := cutToken(part); token == "" || rest != "" {
				return "", false
			}
			theirs = append(theirs, part)
		}
	}
	for _, p := range ours {
		if slices.Contains(theirs, p) {
			return p, true
		}
	}
	return "", true
}

// response is the 101 (section 4.2.2 point 5), with the fields that were set on the ResponseWriter before.
func (a *agreement) response(extra http.Header) []byte {
	var b strings.Builder
	b.WriteString("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ")
	b.WriteString(a.accept)
	b.WriteString("\r\n")
	if a.subprotocol != "" {
		b.WriteString("Sec-WebSocket-Protocol: " + a.subprotocol + "\r\n")
	}
	if a.extension != "" {
		b.WriteString("Sec-WebSocket-Extensions: " + a.extension + "\r\n")
	}
	// A strings.Builder never fails. WriteSubset makes line breaks in values harmless.
	_ = extra.WriteSubset(&b, ownFields())
	b.WriteString("\r\n")
	return []byte(b.String())
}

// ownFields are the fields of a 101 that only the handshake itself sets, and those that have no meaning in it.
func ownFields() map[string]bool {
	return map[string]bool{
		"Upgrade": true, "Connection": true, "Sec-Websocket-Accept": true, "Sec-Websocket-Protocol": true,
		"Sec-Websocket-Extensions": true, "Sec-Websocket-Version": true, "Content-Length": true, "Content-Type": true,
		"Transfer-Encoding": true, "Trailer": true,
	}
}
