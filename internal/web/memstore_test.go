package web_test

import (
	"context"
	"crypto/rand"
	"slices"
	"sync"
	"time"

	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/internal/chat"
)

// A memStore is a chat.Store in memory.
type memStore struct {
	log *flakyLog

	mu    sync.Mutex
	rooms []chat.Room
	marks []chat.Mark
	puts  int // of marks
}

func (s *memStore) PutMarks(_ context.Context, marks ...chat.Mark) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.log.err(); err != nil {
		return err
	}
	for _, m := range marks {
		s.puts++
		i := s.mark(m.Author, m.Room.Topic)
		if i < 0 && m.Level == "" {
			continue
		}
		if i < 0 {
			s.marks = append(s.marks, chat.Mark{Author: m.Author, Room: m.Room, Level: chat.LevelAll})
			i = len(s.marks) - 1
		}
		s.marks[i].Read = max(s.marks[i].Read, m.Read)
		if m.Level != "" {
			s.marks[i].Level = m.Level
		}
	}
	return nil
}

// mark is the index of a mark, -1 for none. mu must be held.
func (s *memStore) mark(author, topic string) int {
	return slices.IndexFunc(s.marks, func(m chat.Mark) bool { return m.Author == author && m.Room.Topic == topic })
}

func (s *memStore) Marks(ctx context.Context, author, topic string, limit int) ([]chat.MarkedRoom, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []chat.MarkedRoom
	for _, m := range s.marks {
		if m.Author != author || topic != "" && m.Room.Topic != topic {
			continue
		}
		events, err := s.log.Read(ctx, m.Room.Topic, 0, 10_000)
		if err != nil {
			return nil, err
		}
		r := chat.MarkedRoom{Mark: m, Head: eventlog.Offset(len(events))}
		if len(events) > 0 {
			r.Last = events[len(events)-1].Time
		}
		all = append(all, r)
	}
	slices.SortStableFunc(all, func(a, b chat.MarkedRoom) int { return b.Last.Compare(a.Last) })
	return all[:min(limit, len(all))], s.log.err()
}

func (s *memStore) Unread(ctx context.Context, author, topic string, after eventlog.Offset) (n int, err error) {
	events, err := s.log.Read(ctx, topic, after, 1000)
	for i := range events {
		if _, _, said := chat.Said(&events[i]); said && events[i].Author != author && n < chat.MaxUnread {
			n++
		}
	}
	return n, err
}

func (s *memStore) DropMark(_ context.Context, author, topic string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.mark(author, topic); i >= 0 {
		s.marks = slices.Delete(s.marks, i, i+1)
	}
	return s.log.err()
}

func (s *memStore) PutRoom(_ context.Context, room chat.Room) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.rooms, room) {
		s.rooms = append(s.rooms, room)
	}
	return s.log.err()
}

func (s *memStore) RecentRooms(_ context.Context, limit int) ([]chat.RoomActivity, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []chat.RoomActivity
	for _, r := range s.rooms {
		all = append(all, chat.RoomActivity{Room: r, Head: 1, Last: time.Now()})
	}
	return all[:min(limit, len(all))], s.log.err()
}

func (s *memStore) Secret(context.Context, string) ([]byte, error) {
	b := make([]byte, 32)
	_, err := rand.Read(b)
	return b, err
}
