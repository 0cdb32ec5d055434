package redislayer

import (
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"

	"github.com/teahouse-chat/teahouse/channels"
)

// msgpack writes messages as Python's msgpack does: the shortest form of everything, non-negative integers unsigned, floats always of 64 bits.
type msgpack struct{}

func (msgpack) appendFields(dst []byte, m map[string]any, depth int) ([]byte, error) {
	var err error
	for k, v := range m {
		if !utf8.ValidString(k) {
			return nil, errKey(k)
		}
		dst = msgp.AppendString(dst, k)
		if dst, err = appendMsgpack(dst, v, depth+1); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

func (msgpack) appendMessage(dst []byte, p packed, to any) []byte {
	if to == nil {
		return append(msgp.AppendMapHeader(dst, uint32(p.n)), p.fields...)
	}
	dst = append(msgp.AppendMapHeader(dst, uint32(p.n)+1), p.fields...)
	dst = msgp.AppendString(dst, channels.ReservedKey)
	switch to := to.(type) {
	case string:
		dst = msgp.AppendString(dst, to)
	case []string:
		dst = msgp.AppendArrayHeader(dst, uint32(len(to)))
		for _, name := range to {
			dst = msgp.AppendString(dst, name)
		}
	}
	return dst
}

func appendMsgpack(dst []byte, v any, depth int) ([]byte, error) {
	if depth > channels.MaxDepth {
		return nil, errDepth()
	}
	switch v := v.(type) {
	case nil:
		return msgp.AppendNil(dst), nil
	case bool:
		return msgp.AppendBool(dst, v), nil
	case string:
		if !utf8.ValidString(v) {
			return nil, errString(v)
		}
		return msgp.AppendString(dst, v), nil
	case []byte:
		return msgp.AppendBytes(dst, v), nil
	case map[string]any:
		return msgpack{}.appendFields(msgp.AppendMapHeader(dst, uint32(len(v))), v, depth)
	case channels.Message:
		return msgpack{}.appendFields(msgp.AppendMapHeader(dst, uint32(len(v))), v, depth)
	case []any:
		return appendMsgpackList(dst, v, depth)
	case []string:
		return appendMsgpackList(dst, v, depth)
	}
	switch n := number(v).(type) {
	case int64:
		if n < 0 {
			return msgp.AppendInt64(dst, n), nil
		}
		return msgp.AppendUint64(dst, uint64(n)), nil
	case uint64:
		return msgp.AppendUint64(dst, n), nil
	case float64:
		if math.IsNaN(n) {
			n = math.Float64frombits(0x7FF8 << 48) // Python's; Go's has another bit set
		}
		return msgp.AppendFloat64(dst, n), nil
	}
	return nil, errType(v)
}

func appendMsgpackList[T any](dst []byte, list []T, depth int) ([]byte, error) {
	dst = msgp.AppendArrayHeader(dst, uint32(len(list)))
	var err error
	for _, v := range list {
		if dst, err = appendMsgpack(dst, v, depth+1); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

// read reads what Python's msgpack writes. A key that is bytes, which Python allows, is read as the string it is.
func (msgpack) read(body []byte) (map[string]any, error) {
	u := unpacker{rest: body, budget: maxDecoded}
	v, err := u.value(0)
	if err != nil {
		return nil, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("a %T isn't a map", v)
	}
	if len(u.rest) > 0 {
		return nil, fmt.Errorf("%d bytes follow the message", len(u.rest))
	}
	return m, nil
}

// An unpacker reads values off a slice, as long as its budget of memory lasts.
type unpacker struct {
	rest   []byte
	budget int // bytes that values may still take
}

var (
	errTooDeep  = errors.New("it is nested too deep")
	errTooLarge = errors.New("it is too large")
	errNotUTF8  = errors.New("a string isn't UTF-8")
	errShort    = errors.New("it ends too soon")
)

func (u *unpacker) value(depth int) (v any, err error) {
	if depth > channels.MaxDepth {
		return nil, errTooDeep
	}
	switch t := msgp.NextType(u.rest); t {
	case msgp.NilType:
		u.rest, err = msgp.ReadNilBytes(u.rest)
	case msgp.BoolType:
		v, u.rest, err = msgp.ReadBoolBytes(u.rest)
	case msgp.IntType:
		v, u.rest, err = msgp.ReadInt64Bytes(u.rest)
	case msgp.UintType:
		var n uint64
		if n, u.rest, err = msgp.ReadUint64Bytes(u.rest); n <= math.MaxInt64 {
			return int64(n), err
		}
		return n, err
	case msgp.Float32Type:
		var f float32
		f, u.rest, err = msgp.ReadFloat32Bytes(u.rest)
		return float64(f), err
	case msgp.Float64Type:
		v, u.rest, err = msgp.ReadFloat64Bytes(u.rest)
	case msgp.StrType:
		return u.text()
	case msgp.BinType:
		var b []byte
		if b, u.rest, err = msgp.ReadBytesZC(u.rest); err != nil {
			return nil, err
		}
		return append([]byte{}, b...), u.spend(len(b))
	case msgp.ArrayType:
		return u.list(depth)
	case msgp.MapType:
		return u.table(depth)
	default:
		return nil, fmt.Errorf("a value of msgpack type %s can't be in a message", t)
	}
	return v, err
}

func (u *unpacker) text() (string, error) { return u.utf8(msgp.ReadStringZC(u.rest)) }

func (u *unpacker) key() (string, error) {
	if msgp.NextType(u.rest) == msgp.BinType {
		return u.utf8(msgp.ReadBytesZC(u.rest))
	}
	return u.text()
}

// utf8 takes what was read as a string.
func (u *unpacker) utf8(b, rest []byte, err error) (string, error) {
	if err != nil {
		return "", err
	}
	u.rest = rest
	if !utf8.Valid(b) {
		return "", errNotUTF8
	}
	return string(b), u.spend(len(b))
}

func (u *unpacker) list(depth int) (any, error) {
	n, rest, err := msgp.ReadArrayHeaderBytes(u.rest)
	if err != nil {
		return nil, err
	}
	u.rest = rest
	if int64(n) > int64(len(rest)) { // a value has a byte at least
		return nil, errShort
	}
	if err := u.spend(listEntry * int(n)); err != nil {
		return nil, err
	}
	list := make([]any, 0, n)
	for range n {
		v, err := u.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

func (u *unpacker) table(depth int) (any, error) {
	n, rest, err := msgp.ReadMapHeaderBytes(u.rest)
	if err != nil {
		return nil, err
	}
	u.rest = rest
	if 2*int64(n) > int64(len(rest)) {
		return nil, errShort
	}
	if err := u.spend(mapEntry * int(n)); err != nil {
		return nil, err
	}
	m := make(map[string]any, n)
	for range n {
		k, err := u.key()
		if err != nil {
			return nil, err
		}
		if m[k], err = u.value(depth + 1); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (u *unpacker) spend(n int) error {
	if u.budget -= n; u.budget < 0 {
		return errTooLarge
	}
	return nil
}
