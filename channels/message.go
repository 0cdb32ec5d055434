package channels

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"unicode/utf8"
)

// A Message is what travels a layer: a map whose "type" says what it is, like "chat.message".
//
// Values may be nil, bool, any Go integer, float32 and float64, string (UTF-8), []byte, and slices and string-keyed maps of such: []any,
// []string, map[string]any and Message. A receiver gets them normalised, whatever the layer: integers as int64, or
// uint64 above its range, floats as float64, slices as []any and maps as map[string]any. These are the values that Python's channels_redis can
// write and read.
type Message map[string]any

// ReservedKey is a key that layers use themselves: channels_redis notes there for whom a message is. No message may have it.
const ReservedKey = "__asgi_channel__"

// MaxDepth is how deep maps and slices of a message may be nested.
const MaxDepth = 500

// ErrMessage says that a message has a value that can't travel a layer; the error that wraps it says which and why.
var ErrMessage = errors.New("message can't travel a layer")

// Type is the message's "type", "" when it has none.
func (m Message) Type() string { return m.Str("type") }

// Str is the string at a key, "" when there is none.
func (m Message) Str(key string) string {
	s, _ := m[key].(string)
	return s
}

// Map is the map at a key, as a Message; an empty one when there is none.
func (m Message) Map(key string) Message {
	switch v := m[key].(type) {
	case map[string]any:
		return v
	case Message:
		return v
	}
	return nil
}

// Int is the integer at a key; ok is false when there is none, or one that an int64 can't hold.
func (m Message) Int(key string) (n int64, ok bool) {
	v, err := normalise(m[key], 0)
	if err != nil {
		return 0, false
	}
	n, ok = v.(int64)
	return n, ok
}

// Clone is a deep, normalised copy. Layers send one, so that sender and receivers share nothing. Errors wrap ErrMessage.
func (m Message) Clone() (Message, error) {
	if _, ok := m[ReservedKey]; ok {
		return nil, fmt.Errorf("%w: the key %s is the layer's own", ErrMessage, ReservedKey)
	}
	v, err := normalise(map[string]any(m), 0)
	if err != nil {
		return nil, err
	}
	return v.(map[string]any), nil
}

// normalise copies a value deeply.
func normalise(v any, depth int) (any, error) {
	if depth > MaxDepth {
		return nil, fmt.Errorf("%w: it is nested deeper than %d", ErrMessage, MaxDepth)
	}
	switch t := v.(type) {
	case nil, bool, int64, float64:
		return v, nil
	case string:
		if !utf8.ValidString(t) {
			return nil, fmt.Errorf("%w: the string %.40q isn't UTF-8; send it as []byte", ErrMessage, t)
		}
		return v, nil // the same box
	case []byte:
		return append([]byte{}, t...), nil
	case map[string]any:
		return normaliseMap(t, depth)
	case Message:
		return normaliseMap(t, depth)
	case []any:
		return normaliseSlice(t, depth)
	case []string:
		return normaliseSlice(t, depth)
	}
	return normaliseNumber(v)
}

func normaliseMap(m map[string]any, depth int) (any, error) {
	c := make(map[string]any, len(m))
	for k, e := range m {
		if !utf8.ValidString(k) {
			return nil, fmt.Errorf("%w: the key %.40q isn't UTF-8", ErrMessage, k)
		}
		n, err := normalise(e, depth+1)
		if err != nil {
			return nil, err
		}
		c[k] = n
	}
	return c, nil
}

func normaliseSlice[T any](s []T, depth int) (any, error) {
	c := make([]any, len(s))
	for i, e := range s {
		n, err := normalise(e, depth+1)
		if err != nil {
			return nil, err
		}
		c[i] = n
	}
	return c, nil
}

func normaliseNumber(v any) (any, error) {
	switch v := v.(type) {
	case int:
		return int64(v), nil
	case int8:
		return int64(v), nil
	case int16:
		return int64(v), nil
	case int32:
		return int64(v), nil
	case uint8:
		return int64(v), nil
	case uint16:
		return int64(v), nil
	case uint32:
		return int64(v), nil
	case uint:
		return normaliseUint(uint64(v)), nil
	case uint64:
		return normaliseUint(v), nil
	case float32:
		return float64(v), nil
	}
	return nil, fmt.Errorf("%w: it has a %T; use nil, bool, numbers, string, []byte, []any and map[string]any", ErrMessage, v)
}

func normaliseUint(v uint64) any {
	if v > math.MaxInt64 {
		return v
	}
	return int64(v)
}

// copyOf is a deep copy of a message that is normalised already: what a layer delivered.
func copyOf(m Message) Message { return copyMap(m) }

func copyMap(m map[string]any) map[string]any {
	c := maps.Clone(m)
	for k, v := range c {
		if n, deep := copyDeep(v); deep {
			c[k] = n
		}
	}
	return c
}

// copyDeep copies what isn't copied by assignment; deep is false for what is.
func copyDeep(v any) (c any, deep bool) {
	switch v := v.(type) {
	case []byte:
		return slices.Clone(v), true
	case map[string]any:
		return copyMap(v), true
	case []any:
		s := slices.Clone(v)
		for i, e := range s {
			if n, deep := copyDeep(e); deep {
				s[i] = n
			}
		}
		return s, true
	}
	return nil, false
}
