package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// A session is the writing connection with its statements.
type session struct {
	pool *sql.DB
	conn *sql.Conn

	stmts                                     []*sql.Stmt // all of the following
	begin, commit                             *sql.Stmt
	findTopic, addTopic, saveHead, raiseFloor *sql.Stmt
	addEvent, findEvent, dropData             *sql.Stmt
	getEvent, replaceData, moveMark           *sql.Stmt
}

func openSession(ctx context.Context, path string, tune func(*sql.Conn) error) (_ *session, err error) {
	pool, err := connect(path, "mode=rw", "_pragma=journal_mode(WAL)", "_pragma=synchronous(FULL)",
		"_pragma=wal_autocheckpoint(0)", "_pragma=cache_size(-16000)")
	if err != nil {
		return nil, err
	}
	s := &session{pool: pool}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.conn, err = pool.Conn(ctx); err != nil {
		return nil, err
	}
	if tune != nil {
		if err := tune(s.conn); err != nil {
			return nil, err
		}
	}
	for _, p := range []struct {
		stmt **sql.Stmt
		text string
	}{
		{&s.begin, `BEGIN IMMEDIATE`},
		{&s.commit, `COMMIT`},
		{&s.findTopic, findTopic},
		{&s.addTopic, addTopic},
		{&s.saveHead, saveHead},
		{&s.raiseFloor, raiseFloor},
		{&s.addEvent, addEvent},
		{&s.findEvent, findEvent},
		{&s.dropData, dropData},
		{&s.getEvent, getEvent},
		{&s.replaceData, replaceData},
		{&s.moveMark, moveMark},
	} {
		if *p.stmt, err = s.conn.PrepareContext(ctx, p.text); err != nil {
			return nil, fmt.Errorf("prepare %q: %w", p.text, err)
		}
		s.stmts = append(s.stmts, *p.stmt)
	}
	return s, nil
}

// exec runs a prepared statement to its end. It takes no context: what a transaction began is never left halfway.
func (s *session) exec(stmt *sql.Stmt, args ...any) error {
	_, err := stmt.ExecContext(context.Background(), args...)
	return err
}

func (s *session) close() error {
	var errs []error
	for _, stmt := range s.stmts { // the Conn doesn't, and SQLite keeps its locks while one is left
		errs = append(errs, stmt.Close())
	}
	if s.conn != nil {
		errs = append(errs, s.conn.Close())
	}
	return errors.Join(append(errs, s.pool.Close())...)
}
