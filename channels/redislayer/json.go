package redislayer

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/teahouse-chat/teahouse/channels"
)

// pythonJSON writes messages as Python's json.dumps does: a space after each comma and colon, ASCII only, and NaN and Infinity, which JSON hasn't.
type pythonJSON struct{}

func (pythonJSON) appendFields(dst []byte, m map[string]any, depth int) ([]byte, error) {
	var err error
	first := true
	for k, v := range m {
		if !utf8.ValidString(k) {
			return nil, errKey(k)
		}
		if !first {
			dst = append(dst, ", "...)
		}
		first = false
		dst = append(appendJSONString(dst, k), ": "...)
		if dst, err = appendJSON(dst, v, depth+1); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

func (pythonJSON) appendMessage(dst []byte, p packed, to any) []byte {
	dst = append(append(dst, '{'), p.fields...)
	if to != nil {
		if p.n > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(appendJSONString(dst, channels.ReservedKey), ": "...)
		switch to := to.(type) {
		case string:
			dst = appendJSONString(dst, to)
		case []string:
			dst, _ = appendJSONList(dst, to, 0) // names are short strings of ASCII: nothing to refuse
		}
	}
	return append(dst, '}')
}

func appendJSON(dst []byte, v any, depth int) ([]byte, error) {
	if depth > channels.MaxDepth {
		return nil, errDepth()
	}
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case string:
		if !utf8.ValidString(v) {
			return nil, errString(v)
		}
		return appendJSONString(dst, v), nil
	case []byte:
		return nil, fmt.Errorf("%w: it has a []byte, which JSON can't write; use MessagePack", channels.ErrMessage)
	case map[string]any:
		return appendJSONMap(dst, v, depth)
	case channels.Message:
		return appendJSONMap(dst, v, depth)
	case []any:
		return appendJSONList(dst, v, depth)
	case []string:
		return appendJSONList(dst, v, depth)
	}
	switch n := number(v).(type) {
	case int64:
		return strconv.AppendInt(dst, n, 10), nil
	case uint64:
		return strconv.AppendUint(dst, n, 10), nil
	case float64:
		return appendJSONFloat(dst, n), nil
	}
	return nil, errType(v)
}

func appendJSONMap(dst []byte, m map[string]any, depth int) ([]byte, error) {
	dst, err := pythonJSON{}.appendFields(append(dst, '{'), m, depth)
	if err != nil {
		return nil, err
	}
	return append(dst, '}'), nil
}

func appendJSONList[T any](dst []byte, list []T, depth int) ([]byte, error) {
	dst = append(dst, '[')
	var err error
	for i, v := range list {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		if dst, err = appendJSON(dst, v, depth+1); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

// appendJSONFloat writes a float as Python's repr does: 1.0, 1e+16, 1e-05.
func appendJSONFloat(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	}
	if size := math.Abs(f); size != 0 && (size < 1e-4 || size >= 1e16) {
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
	from := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	if !strings.Contains(string(dst[from:]), ".") {
		dst = append(dst, ".0"...)
	}
	return dst
}

const hexDigits = "0123456789abcdef"

// appendJSONString writes a string in ASCII. s must be UTF-8.
func appendJSONString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r >= ' ' && r <= '~':
			dst = append(dst, byte(r))
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\r':
			dst = append(dst, `\r`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case r == '\b':
			dst = append(dst, `\b`...)
		case r == '\f':
			dst = append(dst, `\f`...)
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			dst = appendEscape(appendEscape(dst, high), low)
		default:
			dst = appendEscape(dst, r)
		}
	}
	return append(dst, '"')
}

func appendEscape(dst []byte, r rune) []byte {
	return append(dst, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}

// read reads what Python's json.dumps writes: JSON, NaN, Infinity and -Infinity, and integers from -2^63 to 2^64-1.
func (pythonJSON) read(body []byte) (map[string]any, error) {
	p := parser{text: body, budget: maxDecoded}
	v, err := p.value(0)
	if err != nil {
		return nil, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("a %T isn't an object", v)
	}
	if p.skipSpace(); p.at < len(p.text) {
		return nil, fmt.Errorf("%d bytes follow the message", len(p.text)-p.at)
	}
	return m, nil
}

// A parser reads JSON, as long as its budget of memory lasts.
type parser struct {
	text   []byte
	at     int // of what comes next
	budget int // bytes that values may still take
}

func (p *parser) value(depth int) (any, error) {
	if depth > channels.MaxDepth {
		return nil, errTooDeep
	}
	switch c := p.next(); {
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.array(depth)
	case c == '"':
		return p.string()
	case c == 0:
		return nil, errShort
	}
	from := p.at
	for p.at < len(p.text) && !strings.ContainsRune(",]} \t\r\n", rune(p.text[p.at])) {
		p.at++
	}
	return literal(string(p.text[from:p.at]))
}

// literal is the value of a word or a number.
func literal(word string) (any, error) {
	switch word {
	case "null":
		return nil, nil
	case "true":
		return true, nil
	case "false":
		return false, nil
	case "NaN":
		return math.NaN(), nil
	case "Infinity":
		return math.Inf(1), nil
	case "-Infinity":
		return math.Inf(-1), nil
	}
	if !jsontext.Value(word).IsValid() { // strconv reads more than JSON has
		return nil, fmt.Errorf("%.20q isn't JSON", word)
	}
	if strings.ContainsAny(word, ".eE") {
		f, err := strconv.ParseFloat(word, 64)
		if math.IsInf(f, 0) {
			err = nil // as Python reads it
		}
		return f, err
	}
	if n, err := strconv.ParseInt(word, 10, 64); err == nil {
		return n, nil
	}
	return strconv.ParseUint(word, 10, 64)
}

func (p *parser) skipSpace() {
	for p.at < len(p.text) && strings.ContainsRune(" \t\r\n", rune(p.text[p.at])) {
		p.at++
	}
}

// next is the next byte that isn't space, 0 at the end.
func (p *parser) next() byte {
	if p.skipSpace(); p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

// take passes by c, if it is what comes next.
func (p *parser) take(c byte) bool {
	if p.next() != c {
		return false
	}
	p.at++
	return true
}

func (p *parser) object(depth int) (any, error) {
	p.at++
	m := map[string]any{}
	for more := !p.take('}'); more; {
		if p.next() != '"' {
			return nil, errNotJSON(p.at)
		}
		k, err := p.string()
		if err != nil {
			return nil, err
		}
		if !p.take(':') {
			return nil, errNotJSON(p.at)
		}
		if err := p.spend(mapEntry); err != nil {
			return nil, err
		}
		if m[k], err = p.value(depth + 1); err != nil {
			return nil, err
		}
		if more = p.take(','); !more && !p.take('}') {
			return nil, errNotJSON(p.at)
		}
	}
	return m, nil
}

func (p *parser) array(depth int) (any, error) {
	p.at++
	list := []any{}
	for more := !p.take(']'); more; {
		if err := p.spend(2 * listEntry); err != nil { // append may take twice what it needs
			return nil, err
		}
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		if more = p.take(','); !more && !p.take(']') {
			return nil, errNotJSON(p.at)
		}
	}
	return list, nil
}

// string reads the string that begins at p.at.
func (p *parser) string() (string, error) {
	end := p.at + 1
	for ; end < len(p.text) && p.text[end] != '"'; end++ {
		if p.text[end] == '\\' {
			end++
		}
	}
	if end >= len(p.text) {
		return "", errShort
	}
	s, err := jsontext.AppendUnquote(nil, p.text[p.at:end+1])
	if err != nil {
		return "", err
	}
	p.at = end + 1
	return string(s), p.spend(len(s))
}

func (p *parser) spend(n int) error {
	if p.budget -= n; p.budget < 0 {
		return errTooLarge
	}
	return nil
}

func errNotJSON(at int) error { return fmt.Errorf("it isn't JSON from byte %d on", at) }
