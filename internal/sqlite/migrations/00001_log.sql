-- +goose Up

-- What the store knows of itself: epoch, identity.
CREATE TABLE meta (
	key   TEXT PRIMARY KEY,
	value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE topics (
	id    INTEGER PRIMARY KEY,
	name  TEXT    NOT NULL UNIQUE,
	head  INTEGER NOT NULL DEFAULT 0, -- the newest offset, 0 for none
	floor INTEGER NOT NULL DEFAULT 1, -- the oldest offset whose data is kept
	last  INTEGER NOT NULL DEFAULT 0  -- when the newest event was appended: Unix milliseconds
) STRICT;

-- Rows stay for ever, for the uniqueness of ids; a trimmed event has lost its data.
CREATE TABLE events (
	topic_id INTEGER NOT NULL,
	"offset" INTEGER NOT NULL,
	time     INTEGER NOT NULL, -- Unix milliseconds
	type     TEXT    NOT NULL,
	author   TEXT    NOT NULL,
	id       TEXT    NOT NULL, -- the author's own
	data     BLOB    NOT NULL,
	PRIMARY KEY (topic_id, "offset")
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX events_once ON events (topic_id, author, id);

CREATE TABLE rooms (
	topic TEXT PRIMARY KEY,
	name  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE secrets (
	name  TEXT PRIMARY KEY,
	value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
