package ws_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/teahouse-chat/teahouse/ws"
)

// Any bytes, however they are cut, have one outcome and end no process.
func FuzzReader(f *testing.F) {
	for _, d := range dialogues() {
		f.Add(slices.Concat(d.sends...), uint64(0x9e3779b97f4a7c15), d.deflate)
	}
	f.Fuzz(func(t *testing.T, sent []byte, cuts uint64, deflate bool) {
		o := &ws.Options{MaxMessage: 2000, MaxFragments: 8, ControlBurst: 1 << 30}
		calls, code, held := ws.Consume(o, deflate, slices.Clone(sent))
		if held != 0 {
			t.Errorf("%d bytes are still accounted for", held)
		}
		for _, call := range calls {
			if size := (len(call) - 2) / 2; size > o.MaxMessage {
				t.Errorf("message of %d bytes", size)
			}
		}
		splitCalls, splitCode, held := ws.Consume(o, deflate, cut(sent, cuts)...)
		if code != splitCode || !slices.Equal(calls, splitCalls) || held != 0 {
			t.Errorf("whole: %.200q %d; split: %.200q %d, %d bytes held", calls, code, splitCalls, splitCode, held)
		}
	})
}

// cut cuts p into copies of pieces whose lengths come from the bits of cuts, used over and over; 0 makes single bytes.
func cut(p []byte, cuts uint64) (pieces [][]byte) {
	for i := 0; len(p) > 0; i += 4 {
		n := min(len(p), 1+int(cuts>>(i%64)&15)*(1+i%3))
		pieces = append(pieces, slices.Clone(p[:n]))
		p = p[n:]
	}
	return pieces
}

// An answer is a proper one to one of the offers, whatever is offered.
func FuzzOffer(f *testing.F) {
	for _, c := range offers {
		f.Add(c.offer)
	}
	f.Fuzz(func(t *testing.T, header string) {
		answer, ok := ws.NegotiateDeflate([]string{header})
		if answer == "" {
			return
		}
		if !ok || !strings.Contains(header, "permessage-deflate") {
			t.Errorf("%q was answered %q, ok %v", header, answer, ok)
		}
		if !strings.HasPrefix(answer, "permessage-deflate; server_no_context_takeover") {
			t.Errorf("%q was answered %q", header, answer)
		}
		if again, ok := ws.NegotiateDeflate([]string{answer}); again != answer || !ok {
			t.Errorf("the answer %q as an offer is answered %q", answer, again)
		}
	})
}

func FuzzUTF8(f *testing.F) {
	f.Add([]byte("茶馆\xf0\x9f\x8d\xb5"), uint64(1))
	f.Add([]byte("\xed\xa0\x80"), uint64(0))
	f.Fuzz(func(t *testing.T, text []byte, cuts uint64) {
		pieces := cut(text, cuts)
		failed, whole := ws.ValidUTF8(pieces...)
		if got := failed < 0 && whole; got != utf8.Valid(text) {
			t.Fatalf("%q: valid is %v", text, got)
		}
		if failed < 0 {
			return
		}
		// It fails at the first piece that no continuation could have saved.
		before := slices.Concat(pieces[:failed]...)
		for _, end := range []string{"", "\x80", "\xbf", "\x80\x80", "\xbf\xbf", "\x80\x80\x80", "\xbf\xbf\xbf", "\x90\x80\x80"} {
			if utf8.ValidString(string(before) + end) {
				return
			}
		}
		t.Errorf("%q failed at piece %d, but was lost before", text, failed)
	})
}
