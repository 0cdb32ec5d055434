-- +goose Up

-- The newest of the earlier events of its topic whose data changed with an event, 0 for none.
ALTER TABLE events ADD COLUMN amends INTEGER NOT NULL DEFAULT 0;

-- How far an author has read a room, and how much of it they want to be told.
CREATE TABLE marks (
	author TEXT    NOT NULL,
	topic  TEXT    NOT NULL,
	read   INTEGER NOT NULL, -- the newest offset that was read
	level  TEXT    NOT NULL, -- all, mentions or none
	PRIMARY KEY (author, topic)
) STRICT, WITHOUT ROWID;
