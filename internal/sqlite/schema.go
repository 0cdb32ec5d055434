package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"
)

//go:embed migrations/*.sql
var embedded embed.FS

// keptBackups is how many copies from before migrations are kept.
const keptBackups = 5

// released returns the migrations of this program.
func released() fs.FS {
	sub, err := fs.Sub(embedded, "migrations")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	return sub
}

// prepare makes the database file, or checks the one that is there, and applies the migrations that it lacks.
func prepare(ctx context.Context, path string, migrations fs.FS) error {
	newest, err := newestVersion(migrations)
	if err != nil {
		return err
	}
	version, err := inspect(ctx, path)
	switch {
	case err != nil:
		return err
	case version > newest:
		return fmt.Errorf("version %d, this program knows %d: %w", version, newest, ErrNewer)
	case version == newest:
		return nil
	}
	if err := createFile(path); err != nil {
		return err
	}
	db, err := connect(path, "_pragma=journal_mode(WAL)", "_pragma=synchronous(FULL)")
	if err != nil {
		return err
	}
	defer db.Close()
	if version > 0 {
		if err := backup(ctx, db, path, newest); err != nil {
			return fmt.Errorf("back up before migrating: %w", err)
		}
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, migrations,
		goose.WithLogger(goose.NopLogger()), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// newestVersion returns the highest number of the migrations.
func newestVersion(migrations fs.FS) (int64, error) {
	names, err := fs.Glob(migrations, "*.sql")
	if err != nil {
		return 0, err
	}
	var newest int64
	for _, name := range names {
		number, _, _ := strings.Cut(name, "_")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("migration %s: %w", name, err)
		}
		newest = max(newest, n)
	}
	return newest, nil
}

// inspect returns the version of the database, 0 when there is none yet, and opens it for reading only. Errors:
// ErrForeign.
func inspect(ctx context.Context, path string) (int64, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if info.Size() == 0 {
		return 0, nil
	}
	params := []string{"mode=ro"}
	if _, err := os.Stat(path + "-wal"); errors.Is(err, fs.ErrNotExist) {
		params = append(params, "immutable=1") // nothing to recover, and even a reader would leave a -wal and a -shm behind
	}
	db, err := connect(path, params...)
	if err != nil {
		return 0, err
	}
	defer db.Close()

	const tables = `SELECT count(*), count(*) FILTER (WHERE name = 'goose_db_version') FROM sqlite_schema WHERE type = 'table'`
	var all, versions int
	if err := db.QueryRowContext(ctx, tables).Scan(&all, &versions); err != nil {
		return 0, foreign(err)
	}
	if all == 0 {
		return 0, nil
	}
	if versions == 0 {
		return 0, foreign(errors.New("another program's tables are in it"))
	}
	const version = `SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied`
	var n int64
	if err := db.QueryRowContext(ctx, version).Scan(&n); err != nil {
		return 0, foreign(err)
	}
	return n, nil
}

// foreign adds ErrForeign to what SQLite says of a file that it can't understand.
func foreign(err error) error {
	var e *sqlite.Error
	if errors.As(err, &e) && e.Code()&0xff != codes.SQLITE_NOTADB && e.Code()&0xff != codes.SQLITE_CORRUPT {
		return err
	}
	return fmt.Errorf("%w: %w", ErrForeign, err)
}

// backup copies the database as it is before the migrations up to version, and keeps the newest copies. A copy has no
// epoch, so that it gets one of its own when it is put in the database's place.
func backup(ctx context.Context, db *sql.DB, path string, version int64) error {
	dir := filepath.Join(filepath.Dir(path), "backup")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	name := fmt.Sprintf("teahouse-before-%d-%s.db", version, time.Now().UTC().Format("20060102T150405.000Z"))
	unfinished := filepath.Join(dir, "unfinished")
	if err := os.Remove(unfinished); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := createFile(unfinished); err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, `VACUUM INTO ?`, unfinished); err != nil {
		return err
	}
	if err := forgetEpoch(ctx, unfinished); err != nil {
		return err
	}
	if err := syncFile(unfinished); err != nil {
		return err
	}
	if err := os.Rename(unfinished, filepath.Join(dir, name)); err != nil {
		return err
	}
	if err := dropBackups(dir); err != nil {
		return err
	}
	return syncFolder(dir)
}

// dropBackups removes all but the newest copies.
func dropBackups(dir string) error {
	copies, err := filepath.Glob(filepath.Join(dir, "teahouse-before-*.db"))
	if err != nil {
		return err
	}
	when := func(path string) string { return path[strings.LastIndexByte(path, '-')+1:] }
	slices.SortFunc(copies, func(a, b string) int { return strings.Compare(when(b), when(a)) })
	var errs []error
	for _, old := range copies[min(len(copies), keptBackups):] {
		errs = append(errs, os.Remove(old))
	}
	return errors.Join(errs...)
}
