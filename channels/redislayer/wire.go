package redislayer

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/fernet/fernet-go"

	"github.com/teahouse-chat/teahouse/channels"
)

// What Redis sees, to the byte what channels_redis writes and reads:
//
//	message       a map, as MessagePack or JSON; with encryption a Fernet token of that
//	core          prefix + "specific.<client>!"  sorted set of a process's messages: random bytes + message, by time of sending;
//	              the message has the key __asgi_channel__, a channel (Send) or a list of them (GroupSend)
//	              prefix + "plain"               the same of an open channel
//	              prefix + ":group:" + group     sorted set of channels, by time of the last GroupAdd
//	              prefix + ":alive:<client>"     a string with a TTL, for the process itself: it is missing when the data was lost.
//	                                             Python has no such key, and takes it for none of its own but in a flush
//	pub/sub       prefix + "specific.<id>"       Redis channel of a channel; the message alone
//	              prefix + "__group__" + group   Redis channel of a group
const (
	groupInfix  = ":group:"
	aliveInfix  = ":alive:"
	pubsubInfix = "__group__"
)

// Limits of messages, in bytes as they are written, before encryption.
const (
	maxMessage = 16 << 20       // a larger one isn't sent: Redis cuts off pub/sub readers at 32 MiB
	maxBody    = 2 * maxMessage // a larger one isn't read; Python knows no limit
	maxValue   = maxBody/3*4 + 1024
	maxDecoded = 8 * maxMessage // memory that a message may take when it is read
	listEntry  = 16             // memory of a value in a list
	mapEntry   = 64             // and in a map
)

// readSkew is how much longer than the expiry an encrypted message may be read, as in channels_redis.
const readSkew = 10 * time.Second

// A serializer writes and reads messages.
type serializer interface {
	// appendFields appends the entries of a map at a depth, without what encloses them. Errors wrap channels.ErrMessage.
	appendFields(dst []byte, m map[string]any, depth int) ([]byte, error)

	// appendMessage appends a message, with to (a string or []string; nil: none) as its last key.
	appendMessage(dst []byte, p packed, to any) []byte

	// read reads a message. It takes memory in proportion to the body, and maxDecoded at most.
	read(body []byte) (map[string]any, error)
}

// packed is a message whose entries are written already, to be sent to one or many.
type packed struct {
	fields []byte
	n      int // entries
}

// A wire writes messages as Redis gets them, and reads them back. Its methods may be called concurrently.
type wire struct {
	serializer
	keys   []*fernet.Key // the first encrypts, all decrypt; none: in the clear
	random int           // random bytes before a message
	maxAge time.Duration // that an encrypted message may have; 0: any
}

func newWire(s settings) *wire {
	w := &wire{serializer: msgpack{}, random: s.RandomPrefixLength}
	if s.Serializer == JSON {
		w.serializer = pythonJSON{}
	}
	for _, k := range s.SymmetricEncryptionKeys {
		key := fernet.Key(sha256.Sum256([]byte(k)))
		w.keys = append(w.keys, &key)
	}
	return w
}

// pack writes the entries of a message. Errors wrap channels.ErrMessage.
func (w *wire) pack(m channels.Message) (packed, error) {
	if _, ok := m[channels.ReservedKey]; ok {
		return packed{}, fmt.Errorf("%w: the key %s is the layer's own", channels.ErrMessage, channels.ReservedKey)
	}
	fields, err := w.appendFields(make([]byte, 0, 256), m, 0)
	if err != nil {
		return packed{}, err
	}
	if len(fields) > maxMessage {
		return packed{}, fmt.Errorf("%w: it takes %d bytes, at most %d are allowed", channels.ErrMessage, len(fields), maxMessage)
	}
	return packed{fields, len(m)}, nil
}

// value is a member of a sorted set: a message for to (nil, string or []string) behind random bytes.
func (w *wire) value(p packed, to any) (string, error) {
	dst := make([]byte, 0, w.random+len(p.fields)+128)
	for len(dst) < w.random {
		dst = binary.LittleEndian.AppendUint64(dst, rand.Uint64())
	}
	dst = dst[:w.random]
	if w.keys == nil {
		return string(w.appendMessage(dst, p, to)), nil
	}
	token, err := w.seal(w.appendMessage(nil, p, to))
	return string(append(dst, token...)), err
}

// payload is what is published for a message.
func (w *wire) payload(p packed) (string, error) {
	body := w.appendMessage(nil, p, nil)
	if w.keys == nil {
		return string(body), nil
	}
	token, err := w.seal(body)
	return string(token), err
}

func (w *wire) seal(body []byte) ([]byte, error) {
	token, err := fernet.EncryptAndSign(body, w.keys[0])
	if err != nil {
		return nil, fmt.Errorf("encrypt a message: %w", err)
	}
	return token, nil
}

// unseal is the body in a message as it was written.
func (w *wire) unseal(text []byte) ([]byte, error) {
	if len(text) > maxValue {
		return nil, errTooLarge
	}
	if w.keys != nil {
		if text = fernet.VerifyAndDecrypt(text, w.maxAge, w.keys); text == nil {
			return nil, errors.New("it wasn't encrypted with one of the keys, or too long ago")
		}
	}
	if len(text) > maxBody {
		return nil, errTooLarge
	}
	return text, nil
}

// open reads a member of a sorted set: the body of a message behind random bytes.
func (w *wire) open(value string) (body []byte, err error) {
	if len(value) < w.random {
		return nil, errShort
	}
	return w.unseal([]byte(value[w.random:]))
}

// message reads a body, and takes out whom it is for.
func (w *wire) message(body []byte) (m channels.Message, to []string, err error) {
	m, err = w.read(body)
	if err != nil {
		return nil, nil, err
	}
	switch names := m[channels.ReservedKey].(type) {
	case string:
		to = []string{names}
	case []any:
		for _, n := range names {
			if name, ok := n.(string); ok {
				to = append(to, name)
			}
		}
	}
	delete(m, channels.ReservedKey)
	return m, to, nil
}

// score is a time as Python writes it: seconds, in the shortest decimal that reads back as the same.
func score(seconds float64) string { return strconv.FormatFloat(seconds, 'f', -1, 64) }

// number normalises Go's numbers to int64, uint64 above its range, and float64; anything else to nil.
func number(v any) any {
	switch v := v.(type) {
	case int:
		return int64(v)
	case int64:
		return v
	case float64:
		return v
	case int8:
		return int64(v)
	case int16:
		return int64(v)
	case int32:
		return int64(v)
	case uint8:
		return int64(v)
	case uint16:
		return int64(v)
	case uint32:
		return int64(v)
	case uint:
		return uint64(v)
	case uint64:
		return v
	case float32:
		return float64(v)
	}
	return nil
}

func errKey(k string) error {
	return fmt.Errorf("%w: the key %.40q isn't UTF-8", channels.ErrMessage, k)
}

func errString(s string) error {
	return fmt.Errorf("%w: the string %.40q isn't UTF-8; send it as []byte", channels.ErrMessage, s)
}

func errDepth() error {
	return fmt.Errorf("%w: it is nested deeper than %d", channels.ErrMessage, channels.MaxDepth)
}

func errType(v any) error {
	return fmt.Errorf("%w: it has a %T; use nil, bool, numbers, string, []byte, []any and map[string]any", channels.ErrMessage, v)
}
