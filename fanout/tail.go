package fanout

// Segments grow from the least to the most, so that a quiet topic is small and a busy one has few.
const (
	leastSegment = 4 << 10
	mostSegment  = 64 << 10
	mostEntries  = 512 // in a segment, however little they show
)

// A tail holds the bytes of the recent entries in one encoding. Segments are append-only, so the bytes between a cursor and
// the end are pieces of them that everyone shares; the garbage collector frees a segment when nobody refers to it.
type tail struct {
	members  int     // members that use the encoding
	first    int64   // offset of the entry at places[0]
	places   []place // where each entry begins
	segments []*segment
	bytes    int
	scratch  []byte
}

type segment struct {
	buf     []byte
	last    int64 // the newest offset that begins here
	entries int
}

type place struct {
	segment *segment
	start   int
}

// append adds the next entry.
func (t *tail) append(b []byte) {
	seg := t.room(len(b))
	offset := t.first + int64(len(t.places))
	t.places = append(t.places, place{seg, len(seg.buf)})
	seg.buf = append(seg.buf, b...)
	seg.last = offset
	seg.entries++
	t.bytes += len(b)
}

// room returns the segment that n more bytes fit into. It never moves bytes that were handed out.
func (t *tail) room(n int) *segment {
	size := leastSegment
	if k := len(t.segments); k > 0 {
		last := t.segments[k-1]
		if len(last.buf)+n <= cap(last.buf) && last.entries < mostEntries {
			return last
		}
		size = min(2*cap(last.buf), mostSegment)
	}
	seg := &segment{buf: make([]byte, 0, max(size, n))}
	t.segments = append(t.segments, seg)
	return seg
}

// trim drops the oldest segments while the tail is over its bounds; the newest segment stays.
func (t *tail) trim(entries, bytes int) {
	for len(t.segments) > 1 && (len(t.places) > entries || t.bytes > bytes) {
		t.drop(t.segments[0].last)
	}
}

// forget drops the entries up to an offset, at most the newest.
func (t *tail) forget(upto int64) {
	if upto >= t.first {
		t.drop(upto)
	}
}

// drop drops the entries from the first to an offset, and the segments that have no others.
func (t *tail) drop(upto int64) {
	n := int(upto - t.first + 1)
	clear(t.places[:n]) // else they would hold the segments
	t.places = t.places[n:]
	t.first += int64(n)
	for len(t.segments) > 0 && t.segments[0].last <= upto {
		t.bytes -= len(t.segments[0].buf)
		t.segments[0] = nil
		t.segments = t.segments[1:]
	}
}

// between returns what follows the cursor, as far as one piece goes.
func (t *tail) between(cursor int64) batch {
	i := cursor + 1 - t.first
	if i < 0 || i >= int64(len(t.places)) {
		return batch{from: cursor}
	}
	p := t.places[i]
	return batch{bytes: p.segment.buf[p.start:len(p.segment.buf):len(p.segment.buf)], from: cursor, upto: p.segment.last}
}
