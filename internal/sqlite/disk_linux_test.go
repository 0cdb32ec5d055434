package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/teahouse-chat/teahouse/eventlog"
)

// tinyDisk mounts a file system of its own.
func tinyDisk(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("mounting a tmpfs isn't permitted here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

func TestFullDiskRefusesPostsServesReadsAndHeals(t *testing.T) {
	dir := tinyDisk(t, "size=3m")
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 2<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	db := open(t, data)
	refused := appendUntilRefused(t, db, "room", 1, 2000)
	for range 3 {
		if _, err := db.Append(t.Context(), entry("other", 1, 9000)); !errors.Is(err, eventlog.ErrUnavailable) {
			t.Errorf("append to a full disk: got %v, want ErrUnavailable", err)
		}
		wantDense(t, db, "room", refused-1)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	for n := refused; n < refused+50; n++ {
		if got, err := db.Append(t.Context(), entry("room", n, 2000)); err != nil || int(got[0].Offset) != n {
			t.Fatalf("append %d after space came back: got %v, %v", n, got, err)
		}
	}
	wantDense(t, db, "room", refused+49)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	wantDense(t, open(t, data), "room", refused+49)
}

func TestEpochChangesOnAnotherDevice(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	elsewhere := filepath.Join(tinyDisk(t, "size=8m"), "data")
	if err := os.CopyFS(elsewhere, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if got := open(t, elsewhere).Epoch(); got == db.Epoch() {
		t.Errorf("the epoch of a copy is the original's, %s", got)
	}
}
