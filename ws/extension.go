package ws

import (
	"strings"
)

// An offer is one extension that a client offers, with its parameters (RFC 6455 section 9.1).
type offer struct {
	name   string
	params []param
}

type param struct {
	name, value string
	hasValue    bool
}

// negotiateDeflate picks the first offer of permessage-deflate in the values of Sec-WebSocket-Extensions that can be honoured
// (RFC 7692 section 7.1) and returns the answer to it; "" when there is none. ok is false when the header isn't a list of extensions at
// all.
func negotiateDeflate(values []string) (answer string, ok bool) {
	for _, v := range values {
		offers, ok := parseOffers(v)
		if !ok {
			return "", false
		}
		for _, o := range offers {
			if answer == "" && o.name == "permessage-deflate" {
				answer = answerDeflate(o)
			}
		}
	}
	return answer, true
}

// answerDeflate answers one offer, "" to decline it: a parameter that is unknown, doubled or has a value that it cannot have makes an
// offer invalid (section 7.1), and so does a window smaller than our compressor's 32 KiB.
func answerDeflate(o offer) string {
	answer := "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
	seen := make(map[string]bool, len(o.params))
	for _, p := range o.params {
		if seen[p.name] {
			return ""
		}
		seen[p.name] = true
		switch p.name {
		case "server_no_context_takeover", "client_no_context_takeover":
			if p.hasValue {
				return ""
			}
		case "server_max_window_bits":
			if p.value != "15" {
				return ""
			}
			answer += "; server_max_window_bits=15"
		case "client_max_window_bits": // a hint without a value; we inflate any window, so it needs no answer
			if p.hasValue && !windowBits(p.value) {
				return ""
			}
		default:
			return ""
		}
	}
	return answer
}

// windowBits reports whether v is 8 to 15, without leading zeros (section 7.1.2).
func windowBits(v string) bool {
	switch v {
	case "8", "9", "10", "11", "12", "13", "14", "15":
		return true
	}
	return false
}

// parseOffers parses one Sec-WebSocket-Extensions header by the grammar of RFC 6455 section 9.1: extensions between commas, empty
// ones skipped, each a token and parameters after semicolons.
func parseOffers(s string) (offers []offer, ok bool) {
	for {
		s = strings.TrimLeft(s, " \t,")
		if s == "" {
			return offers, true
		}
		var o offer
		if o.name, s = cutToken(s); o.name == "" {
			return nil, false
		}
		for s = skipSpace(s); strings.HasPrefix(s, ";"); s = skipSpace(s) {
			var p param
			if p, s, ok = cutParam(skipSpace(s[1:])); !ok {
				return nil, false
			}
			o.params = append(o.params, p)
		}
		if s != "" && s[0] != ',' {
			return nil, false
		}
		offers = append(offers, o)
	}
}

// cutParam cuts a parameter, token [ "=" (token | quoted token) ], off the start of s.
func cutParam(s string) (p param, rest string, ok bool) {
	if p.name, s = cutToken(s); p.name == "" {
		return p, "", false
	}
	after, found := strings.CutPrefix(skipSpace(s), "=")
	if !found {
		return p, s, true
	}
	p.hasValue = true
	s = skipSpace(after)
	if quoted, isQuoted := strings.CutPrefix(s, `"`); isQuoted {
		p.value, s = cutToken(quoted) // "the value after unescaping MUST conform to token", so escapes have no use
		if !strings.HasPrefix(s, `"`) {
			return p, "", false
		}
		return p, s[1:], p.value != ""
	}
	p.value, s = cutToken(s)
	return p, s, p.value != ""
}

func skipSpace(s string) string { return strings.TrimLeft(s, " \t") }

// cutToken cuts a token (RFC 9110 section 5.6.2) off the start of s; "" when there is none.
func cutToken(s string) (token, rest string) {
	i := 0
	for i < len(s) && isTokenByte(s[i]) {
		i++
	}
	return s[:i], s[i:]
}

func isTokenByte(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || strings.IndexByte("!#$%&'*+-.^_`|~", b) >= 0
}
