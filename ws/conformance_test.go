package ws_test

import (
	"bytes"
	"compress/flate"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/teahouse-chat/teahouse/ws"
)

// A dialogue is what a client sends, and what must come of it.
type dialogue struct {
	name     string
	deflate  bool     // offer permessage-deflate
	sends    [][]byte // a close frame with 1000 is sent after it
	messages []string // that the handler must see: opcode:payload
	code     ws.CloseCode
}

func join(p ...[]byte) [][]byte { return p }

// deflated compresses as a client does, without context.
func deflated(s string) string {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.DefaultCompression)
	if err == nil {
		_, err = w.Write([]byte(s))
	}
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		panic(err) // nothing here can fail
	}
	return strings.TrimSuffix(b.String(), "\x00\x00\xff\xff")
}

func dialogues() []dialogue {
	long, big := strings.Repeat("茶", 9000), strings.Repeat("x", 64<<10)
	z := deflated("hello hello hello")
	mask := []byte{0, 0, 0, 0}
	many := func(n int, p []byte) [][]byte { return slices.Repeat([][]byte{p}, n) }
	return []dialogue{
		{"text", false, join(frame(0x81, "hello")), []string{"1:hello"}, 1000},
		{"binary", false, join(frame(0x82, "\xff\x00")), []string{"2:\xff\x00"}, 1000},
		{"empty messages", false, join(frame(0x81, ""), frame(0x82, "")), []string{"1:", "2:"}, 1000},
		{"several messages", false, join(frame(0x81, "a"), frame(0x82, "b"), frame(0x81, "c")), []string{"1:a", "2:b", "1:c"}, 1000},
		{
			"lengths at the borders", false, join(frame(0x81, big[:125]), frame(0x81, big[:126]), frame(0x81, big[:65535]), frame(0x81, big)),
			[]string{"1:" + big[:125], "1:" + big[:126], "1:" + big[:65535], "1:" + big},
			1000,
		},
		{"long text", false, join(frame(0x81, long)), []string{"1:" + long}, 1000},
		{"fragments", false, join(frame(0x01, "he"), frame(0x00, "l"), frame(0x80, "lo")), []string{"1:hello"}, 1000},
		{"empty fragments", false, join(frame(0x01, ""), frame(0x00, ""), frame(0x80, "")), []string{"1:"}, 1000},
		{
			"fragments with control frames between", false, join(frame(0x01, "he"), frame(0x89, "p"), frame(0x00, "l"), frame(0x8a, "q"), frame(0x80, "lo")),
			[]string{"1:hello"},
			1000,
		},
		{"fragments that cut a character", false, join(frame(0x01, "\xe8"), frame(0x00, "\x8c"), frame(0x80, "\xb6")), []string{"1:茶"}, 1000},
		{"unasked pong", false, join(frame(0x8a, "x"), frame(0x81, "a")), []string{"1:a"}, 1000},
		{"256 fragments", false, append(join(frame(0x02, "")), append(many(254, frame(0x00, "")), frame(0x80, ""))...), []string{"2:"}, 1000},
		{"close while a message is under way", false, join(frame(0x01, "he")), nil, 1000},

		{"257 fragments", false, append(join(frame(0x02, "")), many(256, frame(0x00, ""))...), nil, 1008},
		{"unmasked", false, join([]byte("\x81\x01a")), nil, 1002},
		{"unmasked and empty", false, join([]byte("\x81\x00")), nil, 1002},
		{"reserved bit 1 without extension", false, join(frame(0xc1, "a")), nil, 1002},
		{"reserved bit 2", false, join(frame(0xa1, "a")), nil, 1002},
		{"reserved bit 3", false, join(frame(0x91, "a")), nil, 1002},
		{"reserved bit 1 on a ping", true, join(frame(0xc9, "a")), nil, 1002},
		{"reserved bit 1 on a continuation", true, join(frame(0x01, "a"), frame(0xc0, "a")), nil, 1002},
		{"reserved bits 1 and 2 with extension", true, join(frame(0xe1, "a")), nil, 1002},
		{"reserved data opcode", false, join(frame(0x83, "a")), nil, 1002},
		{"reserved control opcode", false, join(frame(0x8b, "")), nil, 1002},
		{"fragmented ping", false, join(frame(0x09, "a")), nil, 1002},
		{"ping over 125", false, join(frame(0x89, big[:126])), nil, 1002},
		{"continuation of nothing", false, join(frame(0x80, "a")), nil, 1002},
		{"continuation after a whole message", false, join(frame(0x81, "a"), frame(0x00, "b")), []string{"1:a"}, 1002},
		{"new message inside another", false, join(frame(0x01, "a"), frame(0x81, "b")), nil, 1002},
		{"16-bit length for 125", false, join([]byte("\x81\xfe\x00\x7d"), mask), nil, 1002},
		{"64-bit length for 65535", false, join([]byte("\x81\xff\x00\x00\x00\x00\x00\x00\xff\xff"), mask), nil, 1002},
		{"64-bit length with the top bit", false, join([]byte("\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff"), mask), nil, 1002},
		{"huge length", false, join([]byte("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff"), mask), nil, 1009},
		{"one byte too long", false, join(frame(0x82, big+"x")), nil, 1009},
		{"fragments too long together", false, join(frame(0x02, big), frame(0x80, "x")), nil, 1009},

		{"bad text", false, join(frame(0x81, "a\xff")), nil, 1007},
		{"text that ends inside a character", false, join(frame(0x81, "\xe8\x8c")), nil, 1007},
		{"fragmented text that ends inside a character", false, join(frame(0x01, "\xe8"), frame(0x80, "\x8c")), nil, 1007},
		{"surrogate", false, join(frame(0x81, "\xed\xa0\x80")), nil, 1007},
		{"overlong", false, join(frame(0x81, "\xc0\xaf")), nil, 1007},
		{"past U+10FFFF", false, join(frame(0x81, "\xf4\x90\x80\x80")), nil, 1007},
		{"bad fragment, message not finished", false, join(frame(0x01, "\xff")), nil, 1007},

		{"close without code", false, join(frame(0x88, "")), nil, 1005},
		{"close with one byte", false, join(frame(0x88, "\x03")), nil, 1002},
		{"close with bad reason", false, join(closing(1000, "\xff")), nil, 1007},
		{"message after close", false, join(closing(1001, ""), frame(0x81, "a")), nil, 1001},

		{"compressed", true, join(frame(0xc1, z)), []string{"1:hello hello hello"}, 1000},
		{"plain though compression is agreed", true, join(frame(0x81, "a")), []string{"1:a"}, 1000},
		{"compressed in fragments", true, join(frame(0x41, z[:3]), frame(0x89, ""), frame(0x00, z[3:5]), frame(0x80, z[5:])), []string{"1:hello hello hello"}, 1000},
		{"compressed twice: no context is kept", true, join(frame(0xc1, z), frame(0xc1, z)), []string{"1:hello hello hello", "1:hello hello hello"}, 1000},
		{"compressed and empty", true, join(frame(0xc2, "\x00")), []string{"2:"}, 1000},
		{"compressed, RFC 7692 section 7.2.3.4: final block", true, join(frame(0xc1, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00")), []string{"1:Hello"}, 1000},
		{"compressed, RFC 7692 section 7.2.3.5: two blocks", true, join(frame(0xc1, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00")), []string{"1:Hello"}, 1000},
		{"compressed, RFC 7692 section 7.2.3.3: stored block", true, join(frame(0xc1, "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00")), []string{"1:Hello"}, 1000},
		{"compressed, exactly the limit", true, join(frame(0xc1, deflated(big))), []string{"1:" + big}, 1000},
		{"compressed, one over the limit", true, join(frame(0xc1, deflated(big+"x"))), nil, 1009},
		{"compressed bomb", true, join(frame(0xc2, deflated(strings.Repeat("\x00", 20<<20)))), nil, 1009},
		{"compressed, bad text", true, join(frame(0xc1, deflated("a\xff"))), nil, 1007},
		{"compressed nonsense", true, join(frame(0xc1, "\xff\xff\xff\xff")), nil, 1007},
		{"compressed, many final blocks", true, join(frame(0xc1, strings.Repeat("\x03\x00", 1000))), nil, 1007},
	}
}

func TestFramesMeanTheSameHoweverTheyAreSplit(t *testing.T) {
	splits := map[string]func(p []byte) int{
		"whole":        func(p []byte) int { return len(p) },
		"byte by byte": func([]byte) int { return 1 },
		"random":       func(p []byte) int { return 1 + rand.IntN(min(len(p), 40)) },
	}
	onEveryPath(t, ws.Options{Compress: true}, func(t *testing.T, path string, o ws.Options) {
		handlers := make(chan *record, 1)
		s := serve(t, path, o, func() ws.Handler { return <-handlers })
		for _, d := range dialogues() {
			for split, next := range splits {
				sent := bytes.Join(append(d.sends, closing(1000, "")), nil)
				if split != "whole" && len(sent) > 100 {
					continue // thousands of tiny packets; FuzzReader splits long messages
				}
				t.Run(d.name+"/"+split, func(t *testing.T) {
					h := newRecord()
					handlers <- h
					d.hold(t, s, h, sent, next)
				})
			}
		}
	})
}

// hold holds a dialogue over a connection of its own.
func (d *dialogue) hold(t *testing.T, s *site, h *record, sent []byte, next func([]byte) int) {
	fields := ""
	if d.deflate {
		fields = deflateOffer
	}
	c := s.dial(t, fields)
	for len(sent) > 0 {
		n := next(sent)
		if _, err := c.Write(sent[:n]); err != nil {
			break // closed already, for cause
		}
		sent = sent[n:]
	}
	code, reason := c.readClose(t)
	if code != d.code {
		t.Errorf("close frame says %d %q, want %d", code, reason, d.code)
	}
	if got := h.wait(t); got != d.code {
		t.Errorf("Closed was told %d %q, want %d", got, h.reason, d.code)
	}
	if got := h.messages(t); !slices.Equal(got, d.messages) {
		t.Errorf("messages are %.100q, want %.100q", got, d.messages)
	}
}

func TestBadTextFailsBeforeItsFrameIsComplete(t *testing.T) {
	onEveryPath(t, ws.Options{}, func(t *testing.T, path string, o ws.Options) {
		h := newRecord()
		c := serve(t, path, o, h.one).dial(t, "")
		c.send(t, frame(0x81, strings.Repeat("a", 60000))[:40000])
		c.send(t, []byte{0xff, 0xff, 0xff, 0xff}) // no mask makes these four letters
		if code, _ := c.readClose(t); code != ws.CloseInvalidData {
			t.Errorf("closed with %d, want 1007", code)
		}
	})
}

func TestCloseCodesOfClients(t *testing.T) {
	valid := map[ws.CloseCode]bool{}
	for _, code := range []ws.CloseCode{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999} {
		valid[code] = true
	}
	for _, code := range []ws.CloseCode{0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535} {
		valid[code] = false
	}
	onEveryPath(t, ws.Options{}, func(t *testing.T, path string, o ws.Options) {
		handlers := make(chan *record, 1)
		s := serve(t, path, o, func() ws.Handler { return <-handlers })
		for code, ok := range valid {
			h := newRecord()
			handlers <- h
			c := s.dial(t, "")
			c.send(t, closing(code, "so"))
			want := code
			if !ok {
				want = ws.CloseProtocolError
			}
			if got, _ := c.readClose(t); got != want {
				t.Errorf("%d was answered with %d, want %d", code, got, want)
			}
			if got := h.wait(t); got != want || ok && h.reason != "so" {
				t.Errorf("%d: Closed was told %d %q, want %d", code, got, h.reason, want)
			}
		}
	})
}

func TestPingIsAnsweredWithItsPayload(t *testing.T) {
	onEveryPath(t, ws.Options{}, func(t *testing.T, path string, o ws.Options) {
		c := serve(t, path, o, newEcho).dial(t, "")
		for _, payload := range []string{"", "a", strings.Repeat("b", 125)} {
			c.send(t, frame(0x89, payload))
			c.expect(t, 0x8a, payload)
		}
	})
}
