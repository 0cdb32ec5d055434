package ws

import "sync"

// A queue is what waits to be written on a busy connection; an idle one has none. The connection's mu guards it.
//
// What goes first: the rest of a frame that is begun, then the slot (what Send, pings and pongs left), then the rest of the batch, then
// what SendInOrder left, and at the very end the close frame.
type queue struct {
	batch []byte // the rest of the batch that Offer took: its caller's memory, only read
	begun int    // how many bytes of batch belong to a frame of which some bytes are out
	cut   bool   // drop the batch at the next frame boundary

	slot  []byte // whole frames of our own
	off   int    // how much of slot is out
	after []byte // whole frames that join the slot when the batch is out

	pong []byte // a framed pong that goes after the slot; a newer one replaces it (RFC 6455 section 5.5.3)

	bye []byte // the close frame; nothing is added once it is there

	from  source        // where the bytes that next gave last came from
	since int64         // when bytes last went out, or when the first had to wait
	again []func()      // whom to tell when a batch would be taken
	ready []func()      // whom to tell when the slot is half empty
	due   []func()      // those of ready whose time has come
	room  chan struct{} // closed when the slot is half empty; nil when nobody waits for that
}

type source uint8

const (
	fromBatch source = iota
	fromSlot
	fromBye
)

var queues = sync.Pool{New: func() any { return new(queue) }}

// recycle gives an empty queue back. No write of its bytes may be under way.
func (q *queue) recycle() {
	slot := q.slot[:0]
	if cap(slot) > 8<<10 {
		slot = nil
	}
	*q = queue{slot: slot, pong: q.pong[:0]}
	queues.Put(q)
}

// waiting is the number of bytes of our own frames that are not out.
func (q *queue) waiting() int { return len(q.slot) - q.off + len(q.after) }

// full reports whether a batch would be refused.
func (q *queue) full() bool { return len(q.batch) > 0 || len(q.after) > 0 }

// next returns the bytes to write now; none when there are none. The caller reports to wrote before it calls next again.
func (q *queue) next() []byte {
	if q.cut && q.begun == 0 {
		q.batch, q.after = nil, nil
	}
	if len(q.batch) == 0 && len(q.after) > 0 {
		q.slot, q.after = append(q.slot, q.after...), nil
	}
	if len(q.slot) == q.off {
		q.slot, q.off = q.slot[:0], 0
		if q.begun == 0 {
			q.slot = append(q.slot, q.pong...)
			q.pong = q.pong[:0]
		}
	}
	slot := len(q.slot) > q.off
	urgent := slot || len(q.pong) > 0 || q.cut
	switch {
	case q.begun > 0 && urgent:
		q.from = fromBatch
		return q.batch[:q.begun]
	case q.begun == 0 && slot:
		q.from = fromSlot
		return q.slot[q.off:]
	case len(q.batch) > 0:
		q.from = fromBatch
		return q.batch
	default:
		q.from = fromBye
		return q.bye
	}
}

// wrote takes note that n of the bytes that next gave are out.
func (q *queue) wrote(n int) {
	switch q.from {
	case fromSlot:
		q.off += n
	case fromBye:
		q.bye = q.bye[n:]
	case fromBatch:
		q.wroteBatch(n)
	}
}

func (q *queue) wroteBatch(n int) {
	if n == len(q.batch) {
		q.batch, q.begun = nil, 0
		return
	}
	if n < q.begun {
		q.batch, q.begun = q.batch[n:], q.begun-n
		return
	}
	q.batch, n = q.batch[q.begun:], n-q.begun
	q.begun = 0
	for n > 0 {
		size := frameSize(q.batch)
		if n < size {
			q.batch, q.begun = q.batch[n:], size-n
			return
		}
		q.batch, n = q.batch[size:], n-size
	}
}

// told takes the callers that wait and can be told now.
func (q *queue) told() []func() {
	told := q.due
	q.due = nil
	if !q.full() {
		told = append(told, q.again...)
		q.again = nil
	}
	return told
}

// makeRoom wakes the reader, and makes due those who wait with it, when the slot is down to half.
func (q *queue) makeRoom(half int) {
	if q.waiting() > half {
		return
	}
	if q.room != nil {
		close(q.room)
		q.room = nil
	}
	q.due, q.ready = append(q.due, q.ready...), nil
}
