package ws

import (
	"encoding/binary"

	gobwas "github.com/gobwas/ws"
)

// This file alone touches github.com/gobwas/ws: its Header, its header checks and its unmasking (which has a vector
// kernel). Headers are decoded here, because gobwas decodes only from an io.Reader and we hold slices that may end anywhere.

// maxHeader is the longest header of a frame in bytes (RFC 6455 section 5.2): 2 + 8 of length + 4 of mask.
const maxHeader = 14

// A header is a frame's header, checked on its own; what depends on the frames before it is checked by header.fits.
type header struct {
	length uint64 // of the payload; under 1<<63
	mask   [4]byte
	op     Opcode
	rsv    uint8 // RSV1 is 4, RSV2 is 2, RSV3 is 1
	fin    bool
	masked bool
}

const rsv1 = 4

func (op Opcode) control() bool { return op&0x8 != 0 }

// decodeHeader decodes the header at the start of p. n is its size, 0 when p holds only a part of it. bad says what is
// wrong with it, and is said as soon as the byte that is wrong is there.
func decodeHeader(p []byte) (h header, n int, bad string) {
	if len(p) == 0 {
		return h, 0, ""
	}
	h.fin, h.rsv, h.op = p[0]&0x80 != 0, p[0]>>4&7, Opcode(p[0]&0xf)
	if gobwas.OpCode(h.op).IsReserved() {
		return h, 0, "reserved opcode"
	}
	if len(p) < 2 {
		return h, 0, ""
	}
	h.masked = p[1]&0x80 != 0
	n, bad = h.decodeLength(p[1]&0x7f, p[2:])
	if bad != "" || n == 0 || !h.masked {
		return h, n, bad
	}
	if len(p) < n+4 {
		return h, 0, ""
	}
	copy(h.mask[:], p[n:])
	return h, n + 4, ""
}

// decodeLength sets h.length from the seven bits short and what follows them. n is the size of the header up to the mask, 0 when
// more bytes are needed. A length that is not in its shortest form is an error (section 5.2: "the minimal number of bytes MUST be
// used").
func (h *header) decodeLength(short byte, p []byte) (n int, bad string) {
	if short > 125 && h.op.control() {
		return 0, "control frame too long"
	}
	switch short {
	default:
		h.length = uint64(short)
		return 2, ""
	case 126:
		if len(p) < 2 {
			return 0, ""
		}
		h.length = uint64(binary.BigEndian.Uint16(p))
		if h.length < 126 {
			return 0, "length not in its shortest form"
		}
		return 4, ""
	case 127:
		if len(p) > 0 && p[0]&0x80 != 0 {
			return 0, "length over 63 bits"
		}
		if len(p) < 8 {
			return 0, ""
		}
		h.length = binary.BigEndian.Uint64(p)
		if h.length < 1<<16 {
			return 0, "length not in its shortest form"
		}
		return 10, ""
	}
}

// fits checks a client's header against what came before it: whether a fragmented message is under way, and whether
// permessage-deflate was negotiated. It returns what is wrong, "" for nothing.
func (h *header) fits(fragmented, deflate bool) string {
	state := gobwas.StateServerSide
	if fragmented {
		state = state.Set(gobwas.StateFragmented)
	}
	rsv := h.rsv
	if deflate && h.rsv == rsv1 && (h.op == Text || h.op == Binary) {
		rsv = 0 // RFC 7692 section 6: RSV1 on a message's first frame, and nowhere else
	}
	err := gobwas.CheckHeader(gobwas.Header{
		Fin: h.fin, Rsv: rsv, OpCode: gobwas.OpCode(h.op), Masked: h.masked, Length: int64(h.length),
	}, state)
	if err != nil {
		return err.Error()
	}
	return ""
}

// unmask undoes the masking (section 5.3) of p in place; p begins at byte offset of the frame's payload.
func (h *header) unmask(p []byte, offset int) { gobwas.Cipher(p, h.mask, offset) }

// AppendFrame appends to dst one whole frame as a server sends it: unmasked, FIN set, its length in the shortest form. It
// doesn't look at the payload; that of a Text frame must be UTF-8.
func AppendFrame(dst []byte, op Opcode, payload []byte) []byte {
	return append(appendHeader(dst, op, 0, len(payload)), payload...)
}

func appendHeader(dst []byte, op Opcode, rsv uint8, length int) []byte {
	dst = append(dst, 0x80|rsv<<4|byte(op))
	switch {
	case length < 126:
		return append(dst, byte(length))
	case length < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, 126), uint16(length))
	default:
		return binary.BigEndian.AppendUint64(append(dst, 127), uint64(length))
	}
}

// frameSize is the size in bytes of the server's frame at the start of p, header included; len(p) when p is shorter than that.
func frameSize(p []byte) int {
	h, n, bad := decodeHeader(p)
	if n == 0 || bad != "" || h.length > uint64(len(p)-n) {
		return len(p)
	}
	return n + int(h.length)
}

// CutFrame takes the first frame off a batch as AppendFrame makes them: what it carries, and the rest. An empty batch, or what isn't whole, has none: the payload is nil
// then.
func CutFrame(batch []byte) (op Opcode, payload, rest []byte) {
	h, n, bad := decodeHeader(batch)
	if n == 0 || bad != "" || h.length > uint64(len(batch)-n) {
		return 0, nil, nil
	}
	end := n + int(h.length)
	return h.op, batch[n:end:end], batch[end:]
}

// appendClose appends a close frame; no code for CloseNoStatus. The reason is cut to the 123 bytes that fit, between characters.
func appendClose(dst []byte, code CloseCode, reason string) []byte {
	if code == CloseNoStatus {
		return AppendFrame(dst, closeFrame, nil)
	}
	reason = cutString(reason, 123)
	dst = appendHeader(dst, closeFrame, 0, 2+len(reason))
	return append(binary.BigEndian.AppendUint16(dst, uint16(code)), reason...)
}

// parseClose reads a client's close frame (section 5.5.1). When it is wrong, bad says so and code is what to answer it with.
func parseClose(p []byte) (code CloseCode, reason, bad string) {
	switch {
	case len(p) == 0:
		return CloseNoStatus, "", ""
	case len(p) == 1:
		return CloseProtocolError, "", "close frame of one byte"
	}
	code = CloseCode(binary.BigEndian.Uint16(p))
	if !code.Sendable() {
		return CloseProtocolError, "", "invalid close code"
	}
	var u utf8Checker
	if !u.feed(p[2:]) || !u.whole() {
		return CloseInvalidData, "", "close reason is not UTF-8"
	}
	return code, string(p[2:]), ""
}
