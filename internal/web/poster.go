package web

import (
	"context"
	"runtime/debug"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/internal/chat"
	"github.com/teahouse-chat/teahouse/ws"
)

// A connection with so much unacknowledged isn't read.
const (
	maxPendingPosts = 64
	maxPendingBytes = 256 << 10
)

// A poster commits what one connection posts. Posts queue while a commit is under way and go into the next one together; they are
// answered in order. It has a goroutine only while there is something to commit.
type poster struct {
	mu      sync.Mutex // guards what follows, and work's fields
	work    *postings  // nil when there is nothing to commit
	leaving bool       // nothing more is taken: it isn't answered, and its client posts it again elsewhere
}

// Postings are what a poster's goroutine works through.
type postings struct {
	queue []pending
	count int // queued and being committed
	bytes int
	space *sync.Cond // of the poster's mu: there is less to commit
	last  []func()   // what to do when all is answered
}

// A pending is a post to commit, or a refusal that has to wait for its turn.
type pending struct {
	ref  jsontext.Value
	post chat.Post
	err  error // why it isn't committed
}

// post queues a post and goes on; it waits when too much is queued.
func (s *session) post(p pending) {
	p.err = s.h.checkPost(&p.post, s.address)
	s.enqueue(p)
}

func (s *session) enqueue(p pending) {
	q := &s.posts
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.work.isFull() {
		q.work.space.Wait()
	}
	if q.leaving {
		return
	}
	if q.work == nil {
		q.work = &postings{space: sync.NewCond(&q.mu)}
		go s.commit(q.work) // the gate counts the session until it has ended
	}
	q.work.queue = append(q.work.queue, p)
	q.work.count++
	q.work.bytes += len(p.post.Text)
}

func (w *postings) isFull() bool {
	return w != nil && (w.count >= maxPendingPosts || w.bytes >= maxPendingBytes)
}

// refuse answers a frame that isn't served: now when nothing is pending, else after what is.
func (s *session) refuse(p pending) {
	q := &s.posts
	q.mu.Lock()
	busy := q.work != nil
	q.mu.Unlock()
	if busy {
		s.enqueue(p)
		return
	}
	s.answer(&p, chat.Posted{Err: p.err})
}

// finish takes no more posts, and does something once all that were taken are answered: now, or when commit ends.
func (q *poster) finish(do func()) {
	q.mu.Lock()
	q.leaving = true
	if q.work != nil {
		q.work.last = append(q.work.last, do)
		q.mu.Unlock()
		return
	}
	q.mu.Unlock()
	do()
}

// commit commits and answers until the queue is empty.
func (s *session) commit(w *postings) {
	q := &s.posts
	var batch []pending
	for {
		q.mu.Lock()
		w.count -= len(batch)
		for i := range batch {
			w.bytes -= len(batch[i].post.Text)
		}
		clear(batch)
		batch, w.queue = w.queue, batch[:0]
		w.space.Broadcast()
		if len(batch) == 0 {
			q.work = nil
			q.mu.Unlock()
			for _, do := range w.last {
				do()
			}
			return
		}
		q.mu.Unlock()
		s.commitBatch(batch)
	}
}

func (s *session) commitBatch(batch []pending) {
	posts := make([]chat.Post, 0, len(batch))
	for i := range batch {
		if batch[i].err == nil {
			posts = append(posts, batch[i].post)
		}
	}
	var answers []chat.Posted
	var err error
	if len(posts) > 0 {
		answers, err = s.h.commit(posts)
	}
	for i := range batch {
		p := &batch[i]
		switch {
		case p.err != nil:
			s.answer(p, chat.Posted{Err: p.err})
		case err != nil:
			s.answer(p, chat.Posted{Err: err})
		default:
			s.answer(p, answers[0])
			answers = answers[1:]
		}
	}
}

// commitTimeout bounds how long a post waits for its commit. Whether it was committed then is unknown, and a retry is safe.
const commitTimeout = 20 * time.Second

// commit commits posts that were checked, whether or not their client waits for it. It runs in goroutines that nobody guards, so a
// panic on the way is an error like any other.
func (h *Handler) commit(posts []chat.Post) (answers []chat.Posted, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			h.opts.Logger.Error("commit panicked", "err", p, "stack", string(debug.Stack()))
			answers, err = nil, errPanic
		}
	}()
	answers, err = h.opts.Chat.Post(ctx, posts...)
	if err != nil {
		if _, known := describe(err); !known {
			h.opts.Logger.Error("posts not committed", "err", err)
		}
		return nil, err
	}
	h.metrics.posted(answers)
	return answers, nil
}

// answer tells a client what became of its post.
func (s *session) answer(p *pending, a chat.Posted) {
	switch {
	case s.plain && a.Err != nil:
		problem, _ := describe(a.Err)
		_ = s.conn.Close(problem.close, problem.code) // closing twice changes nothing
	case s.plain:
	case a.Err != nil:
		s.send(refusal(p.ref, a.Err))
	default:
		s.send(encode(okFrame{Type: "ok", Ref: p.ref, Room: p.post.Room.Name, Offset: a.Event.Offset}))
	}
}

// bye tells the client to come back after a while, once what it posted is answered. It may be called while Connect is at work, which then calls it again, and
// twice.
func (s *session) bye(c *channels.Conn, after time.Duration) {
	s.posts.finish(func() {
		if c.Subprotocol() != "" {
			_ = c.SendJSON(byeFrame{Type: "bye", Code: "restart", RetryAfter: tenths(after)}) // one that has gone needs none
		}
		_ = c.Close(ws.CloseRestart, "restart") // closing twice changes nothing
	})
}
