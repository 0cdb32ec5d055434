package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/teahouse-chat/teahouse/internal/chat"
)

const (
	findRoom = `SELECT 1 FROM rooms WHERE topic = ?`
	addRoom  = `INSERT INTO rooms (topic, name) VALUES (?, ?) ON CONFLICT DO NOTHING`

	recentRooms = `SELECT r.name, r.topic, t.head, t.last FROM topics t JOIN rooms r ON r.topic = t.name
		WHERE t.head >= t.floor ORDER BY t.last DESC, t.id DESC LIMIT ?`

	findSecret = `SELECT value FROM secrets WHERE name = ?`
	addSecret  = `INSERT INTO secrets (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING`
)

// PutRoom remembers a room; see [chat.Store].
func (db *DB) PutRoom(ctx context.Context, room chat.Room) error {
	var known int
	err := db.reads.room.QueryRowContext(ctx, room.Topic).Scan(&known)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		err = db.writer.do(ctx, 1, 0, func(tx *batch) error { return tx.exec(addRoom, room.Topic, room.Name) })
	default:
		err = unreadable(ctx, err)
	}
	if err != nil {
		return fmt.Errorf("put room %s: %w", room.Name, err)
	}
	return nil
}

// RecentRooms returns the rooms with the newest messages; see [chat.Store].
func (db *DB) RecentRooms(ctx context.Context, limit int) ([]chat.RoomActivity, error) {
	rooms, err := db.recentRooms(ctx, max(0, limit))
	if err != nil {
		return nil, fmt.Errorf("recent rooms: %w", unreadable(ctx, err))
	}
	return rooms, nil
}

func (db *DB) recentRooms(ctx context.Context, limit int) ([]chat.RoomActivity, error) {
	rows, err := db.reads.rooms.QueryContext(ctx, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var rooms []chat.RoomActivity
	for rows.Next() {
		var r chat.RoomActivity
		var ms int64
		if err := rows.Scan(&r.Room.Name, &r.Room.Topic, &r.Head, &ms); err != nil {
			return nil, err
		}
		r.Last = time.UnixMilli(ms).UTC()
		rooms = append(rooms, r)
	}
	return rooms, rows.Err()
}

// Secret returns the bytes kept under a name, made on the first call; see [chat.Store].
func (db *DB) Secret(ctx context.Context, name string) ([]byte, error) {
	secret, err := db.findSecret(ctx, name)
	if errors.Is(err, sql.ErrNoRows) {
		fresh := make([]byte, 32)
		rand.Read(fresh) // never fails
		err = db.writer.do(ctx, 1, 0, func(tx *batch) error { return tx.exec(addSecret, name, fresh) })
		if err == nil {
			secret, err = db.findSecret(ctx, name) // another call's, when that came first
		}
	}
	if err != nil {
		return nil, fmt.Errorf("secret %s: %w", name, err)
	}
	return secret, nil
}

func (db *DB) findSecret(ctx context.Context, name string) (secret []byte, err error) {
	err = db.reads.secret.QueryRowContext(ctx, name).Scan(&secret)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		err = unreadable(ctx, err)
	}
	return secret, err
}
