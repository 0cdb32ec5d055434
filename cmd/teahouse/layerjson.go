package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/teahouse-chat/teahouse/channels"
)

// What JSON has no words for is an object with one of these keys.
const (
	bytesKey = "$bytes" // bytes in hexadecimal
	floatKey = "$float" // nan, inf, -inf
)

// parseMessage reads a message from JSON. Integers stay exact; a number with a point or an exponent is a float.
func parseMessage(text string) (channels.Message, error) {
	if !utf8.ValidString(text) {
		return nil, errors.New("the message isn't UTF-8")
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var object map[string]any
	if err := dec.Decode(&object); err != nil {
		return nil, fmt.Errorf("the message isn't a JSON object like {\"type\": \"chat.message\", \"text\": \"hi\"}: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the message is one JSON object, and something follows it")
	}
	m := make(channels.Message, len(object))
	for k, v := range object {
		var err error
		if m[k], err = parseValue(v); err != nil {
			return nil, fmt.Errorf("the message's %q: %w", k, err)
		}
	}
	if m.Type() == "" {
		return nil, errors.New("the message has no \"type\", which names the method that gets it, like \"chat.message\"")
	}
	return m.Clone() // which checks it
}

func parseValue(v any) (any, error) {
	switch v := v.(type) {
	case json.Number:
		return parseNumber(v.String())
	case []any:
		for i := range v {
			var err error
			if v[i], err = parseValue(v[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		if s, ok := v[bytesKey].(string); ok && len(v) == 1 {
			b, err := hex.DecodeString(s)
			if err != nil {
				return nil, fmt.Errorf("%s %.40q: %w", bytesKey, s, err)
			}
			return b, nil
		}
		if s, ok := v[floatKey].(string); ok && len(v) == 1 {
			f, err := strconv.ParseFloat(s, 64)
			if err != nil {
				return nil, fmt.Errorf("%s %.40q: use nan, inf or -inf", floatKey, s)
			}
			return f, nil
		}
		for k := range v {
			var err error
			if v[k], err = parseValue(v[k]); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

func parseNumber(s string) (any, error) {
	if strings.ContainsAny(s, ".eE") {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return nil, fmt.Errorf("the number %.40s is too large", s)
		}
		return f, nil
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, nil
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("the number %.40s has more than 64 bits", s)
	}
	return n, nil
}

// appendMessage writes a message that a layer delivered as JSON on one line, its keys sorted. parseMessage reads the same from it.
func appendMessage(b []byte, m channels.Message) []byte { return appendValue(b, map[string]any(m)) }

func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, v)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case uint64:
		return strconv.AppendUint(b, v, 10)
	case float64:
		return appendFloat(b, v)
	case string:
		return appendString(b, v)
	case []byte:
		return fmt.Appendf(b, `{"%s":"%x"}`, bytesKey, v)
	case []any:
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendValue(b, e)
		}
		return append(b, ']')
	case map[string]any:
		b = append(b, '{')
		for i, k := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendValue(append(appendString(b, k), ':'), v[k])
		}
		return append(b, '}')
	}
	return appendString(b, fmt.Sprint(v)) // no layer delivers one
}

// appendFloat writes a float so that it is read as one again.
func appendFloat(b []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return fmt.Appendf(b, `{"%s":"%s"}`, floatKey, strings.ToLower(strings.TrimPrefix(fmt.Sprint(f), "+")))
	}
	s := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return append(b, s...)
}

func appendString(b []byte, s string) []byte {
	var text strings.Builder
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string always can be
	return append(b, strings.TrimSuffix(text.String(), "\n")...)
}
