// Package chat is what a room, a message and an author are, and who may do what. It knows no HTTP, SQL, layer or socket.
package chat

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/internal/ratelimit"
)

// Posting limits: of one author in one room, and of one author in all rooms together.
const (
	roomRate, roomBurst     = 5, 20
	authorRate, authorBurst = 60, 120
)

// A RateError says that somebody does something too often.
type RateError struct{ RetryAfter time.Duration }

func (e *RateError) Error() string {
	return fmt.Sprintf("too often: wait %.1f s", e.RetryAfter.Seconds())
}

// A Service lets authors post. Its methods may be called concurrently.
type Service struct {
	log     eventlog.Log
	store   Store
	inRoom  *ratelimit.Limiter // by author and room
	overall *ratelimit.Limiter // by author

	mu    sync.Mutex
	known map[string]struct{} // topics whose room the store has; bounded
}

// NewService makes a service. limits false: no posting limits.
func NewService(log eventlog.Log, store Store, limits bool) *Service {
	s := &Service{log: log, store: store, known: map[string]struct{}{}}
	if limits {
		s.inRoom = ratelimit.New(roomRate, roomBurst)
		s.overall = ratelimit.New(authorRate, authorBurst)
	}
	return s
}

// Check says whether the post may be made now, and counts it. Errors: those of Validate; *RateError.
func (s *Service) Check(p *Post) error {
	if err := p.Validate(); err != nil {
		return err
	}
	if ok, wait := s.inRoom.Allow(p.Author.ID + "\x00" + p.Room.Topic); !ok {
		return &RateError{wait}
	}
	if ok, wait := s.overall.Allow(p.Author.ID); !ok {
		return &RateError{wait}
	}
	return nil
}

// Posted is the answer for one post that was checked.
type Posted struct {
	Event   eventlog.Event
	Existed bool  // the same post had been made before; Event is the first one
	Err     error // ErrIDConflict; what may be wrong with a post that is about a message: ErrNoMessage, ErrDeleted, ErrNotYours, ErrReactions
}

// Post commits posts that were checked, in order, all or none but for those that have an Err, and returns when they are on disk: one answer a post. Errors:
// [eventlog.ErrUnavailable] and the context's; a retry with the same ids is safe.
func (s *Service) Post(ctx context.Context, posts ...Post) ([]Posted, error) {
	entries := make([]eventlog.Entry, len(posts))
	for i := range posts {
		if err := s.remember(ctx, posts[i].Room); err != nil {
			return nil, err
		}
		entries[i] = posts[i].entry()
	}
	appended, err := s.log.Append(ctx, entries...)
	if err != nil {
		return nil, err
	}
	answers := make([]Posted, len(posts))
	for i, a := range appended {
		answers[i] = Posted{Event: a.Event, Existed: a.Existed, Err: a.Err}
		if a.Existed && !sameAsked(&entries[i], &a.Event) {
			answers[i].Err = ErrIDConflict
		}
	}
	return answers, nil
}

// sameAsked reports whether an entry asks for what an event was appended for, whatever became of that later.
func sameAsked(e *eventlog.Entry, was *eventlog.Event) bool {
	first, ok := contentOf(was)
	again, _ := contentOf(&eventlog.Event{Entry: *e})
	return ok && e.Type == was.Type && first.asked() == again.asked()
}

// remember tells the store of a room, once as long as this process lives.
func (s *Service) remember(ctx context.Context, room Room) error {
	s.mu.Lock()
	_, ok := s.known[room.Topic]
	s.mu.Unlock()
	if ok {
		return nil
	}
	if err := s.store.PutRoom(ctx, room); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.known) >= 100_000 {
		clear(s.known)
	}
	s.known[room.Topic] = struct{}{}
	return nil
}
