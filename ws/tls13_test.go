package ws_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/teahouse-chat/teahouse/ws"
)

// Record types of RFC 8446 section B.1.
const (
	handshakeRecord   = 22
	applicationRecord = 23
)

// A sealer makes a client's records (RFC 8446 section 5.2), those that crypto/tls never sends as well.
type sealer struct {
	secret []byte
	iv     []byte
	aead   cipher.AEAD
	seq    uint64
}

// newSealer goes on after so many records that a client sent by itself, from the log of its secrets.
func newSealer(t testing.TB, c *client, log string, sent uint64) *sealer {
	t.Helper()
	if suite := c.Conn.(*tls.Conn).ConnectionState().CipherSuite; suite != tls.TLS_AES_128_GCM_SHA256 {
		t.Skip("records are made for AES-128 only, not " + tls.CipherSuiteName(suite))
	}
	for line := range strings.Lines(log) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "CLIENT_TRAFFIC_SECRET_0" {
			secret, err := hex.DecodeString(f[2])
			if err != nil {
				t.Fatal(err)
			}
			s := &sealer{}
			s.use(t, secret)
			s.seq = sent
			return s
		}
	}
	t.Fatal("the client has logged no secret")
	return nil
}

// expand is HKDF-Expand-Label with an empty context (RFC 8446 section 7.1).
func expand(t testing.TB, secret []byte, label string, size int) []byte {
	t.Helper()
	info := binary.BigEndian.AppendUint16(nil, uint16(size))
	info = append(info, byte(len("tls13 "+label)))
	info = append(info, "tls13 "+label...)
	key, err := hkdf.Expand(sha256.New, secret, string(append(info, 0)), size)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (s *sealer) use(t testing.TB, secret []byte) {
	t.Helper()
	block, err := aes.NewCipher(expand(t, secret, "key", 16))
	if err != nil {
		t.Fatal(err)
	}
	if s.aead, err = cipher.NewGCM(block); err != nil {
		t.Fatal(err)
	}
	s.secret, s.iv, s.seq = secret, expand(t, secret, "iv", 12), 0
}

func (s *sealer) record(kind byte, content []byte) []byte {
	nonce := bytes.Clone(s.iv)
	for i, b := range binary.BigEndian.AppendUint64(nil, s.seq) {
		nonce[4+i] ^= b
	}
	s.seq++
	head := binary.BigEndian.AppendUint16([]byte{applicationRecord, 3, 3}, uint16(len(content)+1+s.aead.Overhead()))
	return s.aead.Seal(head, nonce, append(bytes.Clone(content), kind), head)
}

// keyUpdate is a KeyUpdate that asks for the server's (RFC 8446 section 4.6.3); what follows is under the next key.
func (s *sealer) keyUpdate(t testing.TB) []byte {
	t.Helper()
	r := s.record(handshakeRecord, []byte{24, 0, 0, 1, 1})
	s.use(t, expand(t, s.secret, "traffic upd", 32))
	return r
}

// Records without application data wake a connection, which has nothing to hear then: it sleeps again, and nothing is lost.
func TestRecordsWithoutApplicationData(t *testing.T) {
	skipUnlessParked(t)
	s := serve(t, "tls", ws.Options{}, newEcho)
	var log strings.Builder
	c := s.dialTLS(t, &tls.Config{MinVersion: tls.VersionTLS13, KeyLogWriter: &log}, nil)
	tcp := c.Conn.(*tls.Conn).NetConn()
	k := newSealer(t, c, log.String(), 1)
	write := func(records ...[]byte) {
		t.Helper()
		if _, err := tcp.Write(bytes.Join(records, nil)); err != nil {
			t.Fatal(err)
		}
	}
	write(k.record(applicationRecord, frame(0x81, "all is running")))
	c.expect(t, 0x81, "all is running")
	goroutines := runtime.NumGoroutine()

	empty := func() []byte { return k.record(applicationRecord, nil) }
	for range 5 {
		write(k.keyUpdate(t)) // alone: a wake of its own
		time.Sleep(10 * time.Millisecond)
		settle(t, goroutines)
		write(k.record(applicationRecord, frame(0x81, "after")))
		c.expect(t, 0x81, "after")
		write(empty(), k.keyUpdate(t), k.record(applicationRecord, frame(0x81, "one")), empty(), k.keyUpdate(t),
			k.record(applicationRecord, frame(0x81, "two")), k.keyUpdate(t), empty())
		c.expect(t, 0x81, "one")
		c.expect(t, 0x81, "two")
		for _, b := range k.keyUpdate(t) {
			write([]byte{b})
		}
		for _, b := range k.record(applicationRecord, frame(0x81, "byte by byte")) {
			write([]byte{b})
		}
		c.expect(t, 0x81, "byte by byte")
		settle(t, goroutines)
	}
}

func TestEndlessRecordsWithoutApplicationData(t *testing.T) {
	h := newRecord()
	var log strings.Builder
	c := serve(t, "tls", ws.Options{}, h.one).dialTLS(t, &tls.Config{MinVersion: tls.VersionTLS13, KeyLogWriter: &log}, nil)
	k := newSealer(t, c, log.String(), 1)
	for range 1000 {
		if _, err := c.Conn.(*tls.Conn).NetConn().Write(k.keyUpdate(t)); err != nil {
			break
		}
	}
	if code := h.wait(t); code != ws.CloseAbnormal {
		t.Errorf("Closed was told %d, want 1006", code)
	}
}
