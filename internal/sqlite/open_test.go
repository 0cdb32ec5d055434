package sqlite_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/internal/chat"
	"github.com/teahouse-chat/teahouse/internal/sqlite"
)

// closed makes a store with some events and closes it. It returns its epoch.
func closed(t *testing.T, dir string, events int) string {
	t.Helper()
	db := open(t, dir)
	for n := range events {
		if _, err := db.Append(t.Context(), entry("room", n+1, 100)); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return db.Epoch()
}

// alter runs statements in a store that is closed.
func alter(t *testing.T, dir string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "teahouse.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
}

// wantRefused opens a store that isn't to be opened: with one line, and without a byte of the database changed.
func wantRefused(t *testing.T, dir string, want error) {
	t.Helper()
	file := filepath.Join(dir, "teahouse.db")
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sqlite.Open(t.Context(), dir, quiet)
	if err == nil {
		db.Close()
	}
	if !errors.Is(err, want) || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), dir) ||
		!strings.Contains(err.Error(), "--data") {
		t.Errorf("open: got %q, want one line with the folder, what to do, and %q", err, want)
	}
	after, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the database was changed, %v", err)
	}
}

func TestReopenedStoreHasEverything(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there yet? 100%#")
	db := open(t, dir)
	room, err := chat.ParseRoom("茶馆")
	if err != nil {
		t.Fatal(err)
	}
	secret, err := db.Secret(t.Context(), "cookie")
	if err != nil {
		t.Fatal(err)
	}
	if err := db.PutRoom(t.Context(), room); err != nil {
		t.Fatal(err)
	}
	for n := range 10 {
		if _, err := db.Append(t.Context(), entry(room.Topic, n+1, 100)); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Trim(t.Context(), room.Topic, 4); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	again := open(t, dir)
	if again.Epoch() != db.Epoch() {
		t.Errorf("epoch: got %s, was %s", again.Epoch(), db.Epoch())
	}
	if got, err := again.Secret(t.Context(), "cookie"); err != nil || !bytes.Equal(got, secret) {
		t.Errorf("secret: got %x, %v, was %x", got, err, secret)
	}
	if rooms, err := again.RecentRooms(t.Context(), 5); err != nil || len(rooms) != 1 || rooms[0].Room != room || rooms[0].Head != 10 {
		t.Errorf("rooms: got %v, %v", rooms, err)
	}
	if states, err := again.States(t.Context(), room.Topic); err != nil || states[0] != (eventlog.State{Head: 10, Floor: 4}) {
		t.Errorf("states: got %v, %v", states, err)
	}
	for id, want := range map[int]eventlog.Offset{2: 2, 10: 10, 11: 11} {
		got, err := again.Append(t.Context(), entry(room.Topic, id, 1))
		if err != nil || got[0].Offset != want || got[0].Existed != (id < 11) {
			t.Errorf("append %d: got %v, %v", id, got, err)
		}
	}
}

func TestClosedStoreIsOneFile(t *testing.T) {
	dir := t.TempDir()
	closed(t, dir, 3)
	for _, name := range []string{"teahouse.db-wal", "teahouse.db-shm"} {
		if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: got %v, want it gone", name, err)
		}
	}
}

func TestLongTrimsGoInSteps(t *testing.T) {
	db := open(t, t.TempDir())
	entries := make([]eventlog.Entry, 2500)
	for n := range entries {
		entries[n] = entry("room", n+1, 10)
	}
	if _, err := db.Append(t.Context(), entries...); err != nil {
		t.Fatal(err)
	}
	if err := db.Trim(t.Context(), "room", 2400); err != nil {
		t.Fatal(err)
	}
	events, err := db.Read(t.Context(), "room", 2399, 1000)
	if err != nil || len(events) != 101 || len(events[0].Data) != 10 {
		t.Errorf("got %d events, %v, want 101 with their data", len(events), err)
	}
}

func TestFilesAreTheirOwnersOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	open(t, dir)
	for name, want := range map[string]fs.FileMode{".": fs.ModeDir | 0o700, "teahouse.db": 0o600, "teahouse.db-wal": 0o600, "lock": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
		} else if info.Mode() != want {
			t.Errorf("%s: got %v, want %v", name, info.Mode(), want)
		}
	}
}

func TestSecondOpenOfAFolderIsRefused(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir)
	wantRefused(t, dir, sqlite.ErrLocked)
	if _, err := first.Append(t.Context(), entry("room", 1, 1)); err != nil {
		t.Errorf("the first: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	wantDense(t, open(t, dir), "room", 1)
}

func TestFolderThatCannotBeMadeIsRefusedInOneLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := sqlite.Open(t.Context(), filepath.Join(file, "data"), quiet)
	if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "--data") {
		t.Errorf("got %q, want one line that says what to do", err)
	}
}

func TestNewerDatabaseIsRefusedAndUntouched(t *testing.T) {
	dir := t.TempDir()
	closed(t, dir, 3)
	alter(t, dir, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)`)
	wantRefused(t, dir, sqlite.ErrNewer)
}

func TestFileThatIsNoDatabaseIsRefusedAndUntouched(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "teahouse.db"), bytes.Repeat([]byte("not a database\n"), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, dir, sqlite.ErrForeign)
}

func TestAnotherProgramsDatabaseIsRefusedAndUntouched(t *testing.T) {
	dir := t.TempDir()
	alter(t, dir, `CREATE TABLE theirs (x)`)
	wantRefused(t, dir, sqlite.ErrForeign)
}

func TestDamagedDatabaseIsRefusedAndUntouched(t *testing.T) {
	dir := t.TempDir()
	closed(t, dir, 3)
	file := filepath.Join(dir, "teahouse.db")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := 100; i < 4096; i++ {
		data[i] = 0xa5
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, dir, sqlite.ErrForeign)
}

func TestEpochStaysWhenTheFolderIsRenamed(t *testing.T) {
	parent := t.TempDir()
	epoch := closed(t, filepath.Join(parent, "old"), 1)
	if err := os.Rename(filepath.Join(parent, "old"), filepath.Join(parent, "new")); err != nil {
		t.Fatal(err)
	}
	if got := open(t, filepath.Join(parent, "new")).Epoch(); got != epoch {
		t.Errorf("got %s, was %s", got, epoch)
	}
}

func TestEpochChangesWhenTheFolderIsCopied(t *testing.T) {
	dir, restored := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	db := open(t, dir)
	for n := range 20 {
		if _, err := db.Append(t.Context(), entry("room", n+1, 100)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(restored, os.DirFS(dir)); err != nil { // while it is open: all is in the -wal file
		t.Fatal(err)
	}
	again := open(t, restored)
	if again.Epoch() == db.Epoch() {
		t.Errorf("the epoch of a copy is the original's, %s", db.Epoch())
	}
	wantDense(t, again, "room", 20)
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	if got := open(t, restored).Epoch(); got != again.Epoch() {
		t.Errorf("the copy, opened again: got %s, was %s", got, again.Epoch())
	}
}

// later returns the program's migrations and more of them, up to a version.
func later(t *testing.T, version int) fs.FS {
	t.Helper()
	all := fstest.MapFS{}
	names, err := fs.Glob(sqlite.Released(), "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		data, err := fs.ReadFile(sqlite.Released(), name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = &fstest.MapFile{Data: data}
	}
	for n := len(names) + 1; n <= version; n++ {
		all[fmt.Sprintf("%05d_more.sql", n)] = &fstest.MapFile{
			Data: fmt.Appendf(nil, "-- +goose Up\nCREATE TABLE more%d (x);\n", n),
		}
	}
	return all
}

func backups(t *testing.T, dir string) []string {
	t.Helper()
	copies, err := filepath.Glob(filepath.Join(dir, "backup", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return copies
}

func TestMigrationKeepsACopyOfTheDatabase(t *testing.T) {
	dir := t.TempDir()
	epoch := closed(t, dir, 5)
	if got := backups(t, dir); len(got) != 0 {
		t.Errorf("a new database has the copies %v", got)
	}
	migrated, err := sqlite.OpenWith(t.Context(), dir, quiet, later(t, 3))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := migrated.Append(t.Context(), entry("room", 6, 1)); err != nil {
		t.Fatal(err)
	}
	if err := migrated.Close(); err != nil {
		t.Fatal(err)
	}
	if migrated.Epoch() != epoch {
		t.Errorf("epoch: got %s, was %s", migrated.Epoch(), epoch)
	}
	wantRefused(t, dir, sqlite.ErrNewer) // by this program, which lacks the migration

	copies := backups(t, dir)
	if len(copies) != 1 || !strings.HasPrefix(filepath.Base(copies[0]), "teahouse-before-3-") {
		t.Fatalf("got the copies %v, want one from before version 3", copies)
	}
	data, err := os.ReadFile(copies[0])
	if err != nil {
		t.Fatal(err)
	}
	// Put back into the same file, so that only the copy itself can tell.
	if err := os.WriteFile(filepath.Join(dir, "teahouse.db"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	restored := open(t, dir)
	wantDense(t, restored, "room", 5)
	if restored.Epoch() == epoch {
		t.Errorf("the epoch of a restored copy is the original's, %s", epoch)
	}
}

func TestNewestFiveCopiesAreKept(t *testing.T) {
	dir := t.TempDir()
	closed(t, dir, 1)
	for version := 3; version <= 12; version++ {
		db, err := sqlite.OpenWith(t.Context(), dir, quiet, later(t, version))
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Millisecond) // copies are named by the real time
	}
	copies := backups(t, dir)
	if len(copies) != 5 {
		t.Fatalf("got %d copies, want 5: %v", len(copies), copies)
	}
	for _, path := range copies {
		if name := filepath.Base(path); !strings.HasPrefix(name, "teahouse-before-8-") && !strings.HasPrefix(name, "teahouse-before-9-") &&
			!strings.HasPrefix(name, "teahouse-before-1") {
			t.Errorf("%s was kept, want 8 to 12", name)
		}
	}
}

func TestMigrationThatFailsLeavesTheDatabaseAsItWas(t *testing.T) {
	dir := t.TempDir()
	closed(t, dir, 3)
	broken := later(t, 2).(fstest.MapFS)
	broken["00003_broken.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE half (x);\nCREATE NONSENSE;\n")}
	if _, err := sqlite.OpenWith(t.Context(), dir, quiet, broken); err == nil {
		t.Fatal("a broken migration was applied")
	}
	wantDense(t, open(t, dir), "room", 3)
}

// What was amended, and that it was, outlives the process.
func TestAmendmentsOutliveARestart(t *testing.T) {
	dir := t.TempDir()
	db, err := sqlite.Open(t.Context(), dir, quiet)
	if err != nil {
		t.Fatal(err)
	}
	amend := entry("room", 2, 1)
	amend.Amend = func(tx eventlog.Amending) error {
		tx.Replace(1, []byte("gone"))
		return nil
	}
	if _, err := db.Append(t.Context(), entry("room", 1, 1), amend); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	events, err := open(t, dir).Read(t.Context(), "room", 0, 10)
	if err != nil || len(events) != 2 || string(events[0].Data) != "gone" || events[0].Amends != 0 || events[1].Amends != 1 {
		t.Errorf("got %+v, %v", events, err)
	}
}
