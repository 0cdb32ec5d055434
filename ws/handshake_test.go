package ws_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/teahouse-chat/teahouse/ws"
)

const (
	plainAnswer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
	bitsAnswer  = plainAnswer + "; server_max_window_bits=15"
)

// offers are values of Sec-WebSocket-Extensions; answer "!" stands for a refused handshake.
var offers = []struct{ offer, answer string }{
	{"permessage-deflate", plainAnswer},
	{"permessage-deflate; client_max_window_bits", plainAnswer},
	{"permessage-deflate; client_max_window_bits=10", plainAnswer},
	{`permessage-deflate; client_max_window_bits="10"`, plainAnswer},
	{"permessage-deflate; server_no_context_takeover; client_no_context_takeover", plainAnswer},
	{"permessage-deflate;server_max_window_bits = 15 ", bitsAnswer},
	{"permessage-deflate; server_max_window_bits=10", ""},
	{"permessage-deflate; server_max_window_bits=10, permessage-deflate", plainAnswer},
	{"permessage-deflate; server_max_window_bits", ""},
	{"permessage-deflate; server_max_window_bits=16", ""},
	{"permessage-deflate; client_max_window_bits=7", ""},
	{"permessage-deflate; client_max_window_bits=08", ""},
	{"permessage-deflate; server_no_context_takeover=1", ""},
	{"permessage-deflate; server_no_context_takeover; server_no_context_takeover", ""},
	{"permessage-deflate; unknown", ""},
	{"permessage-deflate; unknown, permessage-deflate; client_max_window_bits", plainAnswer},
	{"x-webkit-deflate-frame, permessage-deflate", plainAnswer},
	{"x-other; a=b; c", ""},
	{", ,permessage-deflate,,", plainAnswer},
	{"", ""},
	{"permessage-deflate;", "!"},
	{"permessage-deflate; =1", "!"},
	{"permessage-deflate; a=", "!"},
	{`permessage-deflate; a="b`, "!"},
	{`permessage-deflate; a=""`, "!"},
	{"permessage-deflate x", "!"},
	{"(", "!"},
}

func TestDeflateIsNegotiatedByTheRFC(t *testing.T) {
	for _, c := range offers {
		answer, ok := ws.NegotiateDeflate([]string{c.offer})
		if !ok {
			answer = "!"
		}
		if answer != c.answer {
			t.Errorf("%q is answered %q, want %q", c.offer, answer, c.answer)
		}
	}
	if answer, _ := ws.NegotiateDeflate([]string{"x-other", "permessage-deflate"}); answer != plainAnswer {
		t.Errorf("an offer in a second header is answered %q", answer)
	}
}

// request sends a request's text as it is and returns the answer.
func (s *site) request(t *testing.T, text string) *http.Response {
	t.Helper()
	c := s.connect(t)
	c.send(t, []byte(text))
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func TestHandshakesThatAreRefused(t *testing.T) {
	without := func(line string) string { return strings.Replace(handshake, line+"\r\n", "", 1) + "\r\n" }
	instead := func(old, now string) string { return strings.Replace(handshake, old, now, 1) + "\r\n" }
	with := func(lines string) string { return handshake + lines + "\r\n" }
	const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
	cases := []struct {
		name, request string
		status        int
		header, value string // that the answer must have
	}{
		{"plain request", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 426, "Upgrade", "websocket"},
		{"no upgrade", without("Upgrade: websocket"), 426, "Upgrade", "websocket"},
		{"no connection", without("Connection: Upgrade"), 426, "Upgrade", "websocket"},
		{"connection of another token", instead("Connection: Upgrade", "Connection: upgrades, keep-alive"), 426, "", ""},
		{"another upgrade", instead("Upgrade: websocket", "Upgrade: h2c"), 426, "", ""},
		{"post", instead("GET", "POST"), 405, "Allow", "GET"},
		{"HTTP/1.0", instead("HTTP/1.1", "HTTP/1.0"), 505, "", ""},
		{"no host", instead("Host: x\r\n", ""), 400, "", ""},
		{"empty host", instead("Host: x", "Host:"), 400, "", ""},
		{"a body", with("Content-Length: 1\r\n") + "a", 400, "", ""},
		{"no version", without("Sec-WebSocket-Version: 13"), 426, "Sec-WebSocket-Version", "13"},
		{"version 8", instead("Version: 13", "Version: 8"), 426, "Sec-WebSocket-Version", "13"},
		{"no key", without(key), 400, "", ""},
		{"key of 15 bytes", instead(key, "Sec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1"), 400, "", ""},
		{"key not base64", instead(key, "Sec-WebSocket-Key: ????????????????????????"), 400, "", ""},
		{"two keys", with(key + "\r\n"), 400, "", ""},
		{"two origins", with("Origin: http://x\r\nOrigin: http://x\r\n"), 400, "", ""},
		{"foreign origin", with("Origin: http://evil\r\n"), 403, "", ""},
		{"foreign port", with("Origin: http://x:81\r\n"), 403, "", ""},
		{"null origin", with("Origin: null\r\n"), 403, "", ""},
		{"malformed extensions", with("Sec-WebSocket-Extensions: a;;\r\n"), 400, "", ""},
		{"malformed subprotocols", with("Sec-WebSocket-Protocol: a b\r\n"), 400, "", ""},
	}
	s := serveRefusals(t)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			resp := s.request(t, c.request)
			if resp.StatusCode != c.status || c.header != "" && resp.Header.Get(c.header) != c.value {
				t.Errorf("got %s %v, want %d and %s: %s", resp.Status, resp.Header, c.status, c.header, c.value)
			}
		})
	}
}

// serveRefusals is a site whose upgrades must all fail with a HandshakeError.
func serveRefusals(t *testing.T) *site {
	s := ws.NewServer(nil)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := s.Upgrade(w, r, echo{})
		var refused *ws.HandshakeError
		if !errors.As(err, &refused) {
			t.Errorf("upgrade returned %v, want a HandshakeError", err)
		}
	}))
	t.Cleanup(web.Close)
	t.Cleanup(func() { _ = s.Close() })
	return &site{ws: s, url: strings.TrimPrefix(web.URL, "http://")}
}

func TestHandshakesThatSucceed(t *testing.T) {
	o := ws.Options{Subprotocols: []string{"tea.v2", "tea.v1"}, Compress: true}
	cases := []struct{ name, fields, subprotocol, extension string }{
		{"nothing asked", "", "", ""},
		{"own origin", "Origin: https://X\r\n", "", ""},
		{"server's preference counts", "Sec-WebSocket-Protocol: tea.v1, tea.v2\r\n", "tea.v2", ""},
		{"subprotocols in two fields", "Sec-WebSocket-Protocol: other\r\nSec-WebSocket-Protocol: tea.v1\r\n", "tea.v1", ""},
		{"unknown subprotocol", "Sec-WebSocket-Protocol: other\r\n", "", ""},
		{"deflate", deflateOffer, "", plainAnswer},
		{"unknown extension", "Sec-WebSocket-Extensions: x-other\r\n", "", ""},
	}
	onEveryPath(t, o, func(t *testing.T, path string, o ws.Options) {
		handlers := make(chan *record, 1)
		s := serve(t, path, o, func() ws.Handler { return <-handlers })
		for _, c := range cases {
			h := newRecord()
			handlers <- h
			resp := s.request(t, handshake+c.fields+"\r\n")
			if resp.StatusCode != 101 || resp.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
				t.Fatalf("%s: got %s %v", c.name, resp.Status, resp.Header)
			}
			if p, e := resp.Header.Get("Sec-WebSocket-Protocol"), resp.Header.Get("Sec-WebSocket-Extensions"); p != c.subprotocol || e != c.extension {
				t.Errorf("%s: got subprotocol %q, extensions %q", c.name, p, e)
			}
			<-h.opened
			if h.conn.Subprotocol() != c.subprotocol || h.conn.Compressed() != (c.extension != "") || h.conn.Handler() != ws.Handler(h) {
				t.Errorf("%s: connection says %q %v", c.name, h.conn.Subprotocol(), h.conn.Compressed())
			}
		}
	})
}

func TestDeflateIsOffByDefault(t *testing.T) {
	s := serve(t, "parked", ws.Options{}, newEcho)
	if resp := s.request(t, handshake+deflateOffer+"\r\n"); resp.StatusCode != 101 || resp.Header.Get("Sec-WebSocket-Extensions") != "" {
		t.Errorf("got %s %v", resp.Status, resp.Header)
	}
}

func TestFieldsOfTheResponseWriterGoOutWithThe101(t *testing.T) {
	s := ws.NewServer(nil)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "a=b")
		w.Header().Set("X-Split", "a\r\nX-Evil: 1")
		w.Header().Set("Sec-WebSocket-Protocol", "unasked")
		_, _ = s.Upgrade(w, r, echo{}) // the test may be over, and the server closed, before it returns
	}))
	defer web.Close()
	defer func() { _ = s.Close() }()
	resp := (&site{url: strings.TrimPrefix(web.URL, "http://")}).request(t, handshake+"\r\n")
	if resp.Header.Get("Set-Cookie") != "a=b" || resp.Header.Get("X-Evil") != "" || resp.Header.Get("Sec-WebSocket-Protocol") != "" {
		t.Errorf("got %v", resp.Header)
	}
}

func TestRefuseAnswersInsteadOfTheDefault(t *testing.T) {
	o := ws.Options{Refuse: func(w http.ResponseWriter, _ *http.Request, err *ws.HandshakeError) {
		w.WriteHeader(err.Status)
		_, _ = io.WriteString(w, "no tea: "+err.Reason)
	}}
	s := serve(t, "parked", o, newEcho)
	resp := s.request(t, handshake+"Origin: http://evil\r\n\r\n")
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 403 || string(body) != "no tea: origin not allowed" {
		t.Errorf("got %d %q %v", resp.StatusCode, body, err)
	}
}

func TestFramesSentTogetherWithTheHandshakeAreRead(t *testing.T) {
	onEveryPath(t, ws.Options{}, func(t *testing.T, path string, o ws.Options) {
		c := serve(t, path, o, newEcho).dial(t, "", append(frame(0x81, "early"), frame(0x81, "cut")[:3]...)...)
		c.expect(t, 0x81, "early")
		c.send(t, frame(0x81, "cut")[3:])
		c.expect(t, 0x81, "cut")
	})
}

func TestHTTP2IsRefused(t *testing.T) {
	s := ws.NewServer(nil)
	r := httptest.NewRequest(http.MethodConnect, "https://x/", nil)
	r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/2.0", 2, 0
	w := httptest.NewRecorder()
	if _, err := s.Upgrade(w, r, echo{}); err == nil || w.Code != http.StatusHTTPVersionNotSupported {
		t.Errorf("got %d, %v", w.Code, err)
	}
}

func TestASubprotocolSetOnTheAnswerIsTheConnections(t *testing.T) {
	o := &ws.Options{Subprotocols: []string{"first"}}
	server := ws.NewServer(o)
	t.Cleanup(func() { server.Close() })
	var h *record
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := server.Check(r); err != nil {
			t.Errorf("Check: %v", err)
		}
		w.Header().Set("Sec-WebSocket-Protocol", "second")
		server.Upgrade(w, r, h)
	}))
	t.Cleanup(site.Close)
	for offer, want := range map[string]string{"first, second": "second", "first": ""} {
		h = newRecord()
		req, err := http.NewRequest(http.MethodGet, site.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header = http.Header{
			"Upgrade": {"websocket"}, "Connection": {"Upgrade"}, "Sec-Websocket-Version": {"13"},
			"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}, "Sec-Websocket-Protocol": {offer},
		}
		resp, err := site.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := resp.Header.Get("Sec-WebSocket-Protocol"); resp.StatusCode != 101 || got != want {
			t.Errorf("offer %q: status %d, agreed on %q, want %q", offer, resp.StatusCode, got, want)
		}
		<-h.opened
		if got := h.conn.Subprotocol(); got != want {
			t.Errorf("offer %q: the connection's subprotocol is %q, want %q", offer, got, want)
		}
	}
}

func TestCheckRefusesWhatUpgradeRefuses(t *testing.T) {
	server := ws.NewServer(&ws.Options{Compress: true})
	t.Cleanup(func() { server.Close() })
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	var refused *ws.HandshakeError
	if _, err := server.Check(r); !errors.As(err, &refused) || refused.Status != http.StatusUpgradeRequired {
		t.Errorf("a plain request: %v", err)
	}
	r.Header = http.Header{
		"Upgrade": {"websocket"}, "Connection": {"Upgrade"}, "Sec-Websocket-Version": {"13"},
		"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}, "Sec-Websocket-Extensions": {"permessage-deflate"},
	}
	if compressed, err := server.Check(r); !compressed || err != nil {
		t.Errorf("a good request: %v, %v; want to be compressed", compressed, err)
	}
}
