//go:build linux

package e2e

import (
	"crypto/sha256"
	"database/sql"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// failsWith starts a server that has to fail at once, with this exit code and one line that has all these words.
func failsWith(t *testing.T, cmd *exec.Cmd, code int, words ...string) {
	t.Helper()
	out, errs, got := runCommand(t, cmd, "")
	if got != code || out != "" {
		t.Errorf("%s: exit code %d, want %d; stdout %q", cmd, got, code, out)
	}
	if !strings.HasPrefix(errs, "teahouse: ") || strings.Count(errs, "\n") != 1 || !strings.HasSuffix(errs, "\n") {
		t.Errorf("%s: says %q, want one line", cmd, errs)
	}
	for _, w := range words {
		if !strings.Contains(errs, w) {
			t.Errorf("%s: says %q, which hasn't %q", cmd, errs, w)
		}
	}
	t.Logf("%s", strings.TrimSpace(errs))
}

func serve(t *testing.T, args ...string) *exec.Cmd {
	return exec.CommandContext(t.Context(), binary, append([]string{"serve"}, args...)...)
}

// asNobody makes a command run as a user who may do nothing.
func asNobody(t *testing.T, cmd *exec.Cmd) *exec.Cmd {
	t.Helper()
	if os.Getuid() != 0 {
		return cmd
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	cmd.Dir = "/"
	return cmd
}

// contents are the files below a folder, each as its mode and a hash. The lock, which is empty and means nothing, is left out.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "lock" {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		b, err := os.ReadFile(path)
		all[path] = fmt.Sprintf("%s %d %x", info.Mode(), len(b), sha256.Sum256(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// untouched checks that what happens in between leaves the files of a folder as they are.
func untouched(t *testing.T, dir string, between func()) {
	t.Helper()
	before := contents(t, dir)
	between()
	if after := contents(t, dir); !maps.Equal(before, after) {
		t.Errorf("the folder was\n%v, and is\n%v", before, after)
	}
}

func TestPortInUse(t *testing.T) {
	s := start(t)
	other := filepath.Join(t.TempDir(), "other")
	failsWith(t, serve(t, "--addr", s.addr, "--data", other), 1, s.addr, "in use", "--addr")
	if _, err := os.Stat(other); err == nil {
		t.Errorf("it made the data folder")
	}
	failsWith(t, serve(t, "--addr", "256.0.0.1:1", "--data", other), 1, "--addr")
	failsWith(t, serve(t, "--addr", "8000", "--data", other), 2, "--addr")
}

func TestFolderInUse(t *testing.T) {
	s := start(t)
	s.post("123", "ann", "first")
	untouched(t, s.data, func() {
		failsWith(t, serve(t, "--addr", freeAddr(t), "--data", s.data), 1, s.data, "another teahouse", "--data")
	})
	s.post("123", "ann", "second")
	if n := len(readAll(t, s, "123")); n != 2 {
		t.Errorf("%d messages, want 2", n)
	}
}

func TestFolderNotWritable(t *testing.T) {
	dir := openFolder(t)
	if os.Getuid() != 0 {
		if err := os.Chmod(dir, 0o555); err != nil {
			t.Fatal(err)
		}
	}
	failsWith(t, asNobody(t, serve(t, "--addr", freeAddr(t), "--data", dir)), 1, dir, "written", "--data")
	failsWith(t, asNobody(t, serve(t, "--addr", freeAddr(t), "--data", filepath.Join(dir, "deeper", "data"))), 1, dir, "--data")
	file := filepath.Join(openFolder(t), "file")
	if err := os.WriteFile(file, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	failsWith(t, serve(t, "--addr", freeAddr(t), "--data", file), 1, file, "--data")

	// A folder that may be read, with a database in it that may not be written.
	s := prepare(t)
	s.data = filepath.Join(openFolder(t), "data")
	s.start()
	s.post("123", "ann", "kept")
	s.stop(20 * time.Second)
	err := filepath.WalkDir(s.data, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chmod(path, map[bool]fs.FileMode{true: 0o555, false: 0o444}[d.IsDir()])
	})
	if err != nil {
		t.Fatal(err)
	}
	untouched(t, s.data, func() {
		failsWith(t, asNobody(t, serve(t, "--addr", freeAddr(t), "--data", s.data)), 1, s.data, "--data")
	})
}

func TestNewerDatabase(t *testing.T) {
	s := start(t)
	s.post("123", "ann", "from the future")
	s.stop(20 * time.Second)
	alter := func(statement string) {
		t.Helper()
		db, err := sql.Open("sqlite", "file:"+filepath.Join(s.data, "teahouse.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	alter(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`)
	untouched(t, s.data, func() {
		failsWith(t, serve(t, "--addr", freeAddr(t), "--data", s.data), 1, s.data, "newer", "--data")
	})
	alter(`DELETE FROM goose_db_version WHERE version_id = 9999`)
	s.start()
	if log := readAll(t, s, "123"); len(log) != 1 || log[0].Text != "from the future" {
		t.Errorf("the log is %+v", log)
	}
}

func TestForeignDatabase(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "teahouse.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("my holiday diary\n", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	untouched(t, dir, func() {
		failsWith(t, serve(t, "--addr", freeAddr(t), "--data", dir), 1, dir, "not a teahouse database", "--data")
	})
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`CREATE TABLE recipe (name TEXT)`); err != nil {
		t.Fatal(err)
	}
	db.Close()
	untouched(t, dir, func() {
		failsWith(t, serve(t, "--addr", freeAddr(t), "--data", dir), 1, dir, "not a teahouse database", "--data")
	})
}

func TestWrongUsage(t *testing.T) {
	t.Chdir(t.TempDir()) // the default data folder is relative
	for _, args := range [][]string{
		{"serve", "--port", "80"},
		{"serve", "--limits", "maybe"},
		{"serve", "--drain", "soon"},
		{"serve", "--drain=-1s"},
		{"serve", "--cert", "cert.pem"},
		{"serve", "--base-path", "/a//b"},
		{"serve", "--base-path", "/a b"},
		{"serve", "--public-url", "chat.example.com"},
		{"serve", "--public-url", "https://chat.example.com/?x=1"},
		{"serve", "--allow-origin", "example.com"},
		{"serve", "--trusted-proxy", "10.0.0.0/99"},
		{"serve", "extra"},
		{"sevre"},
		{"send"},
		{"send", "http://localhost:1/rooms", "x"},
		{"tail", "--after", "-1", "http://localhost:1/room/123/"},
		{"tail"},
		{"chat", "ftp://localhost/room/123/"},
		{"echo"},
		{"echo", "serve", "--max-message", "0"},
		{"echo", "connect", "localhost"},
	} {
		if args[0] == "serve" { // were it to serve, then where it harms nobody
			args = append(args, "--addr", freeAddr(t))
		}
		failsWith(t, exec.CommandContext(t.Context(), binary, args...), 2)
	}
	if files := contents(t, "."); len(files) > 0 {
		t.Errorf("wrong usage made %v", files)
	}
	if _, errs, code := run(t, "", "send", "http://"+freeAddr(t)+"/room/123/", "x"); code != 1 || strings.Count(errs, "\n") != 1 {
		t.Errorf("no server: exit code %d, %q", code, errs)
	}
	if out, _, code := run(t, "", "--help"); code != 0 || !strings.Contains(out, "--data") {
		t.Errorf("--help: exit code %d, %q", code, out)
	}
	if out, _, code := run(t, "", "version"); code != 0 || !strings.HasPrefix(out, "teahouse ") {
		t.Errorf("version: exit code %d, %q", code, out)
	}
}
