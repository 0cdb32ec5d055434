//go:build linux

package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/teahouse-chat/teahouse/client"
)

// A buffer gathers what a process writes. It is safe for concurrent use.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// A teahouse is a server: one data folder, one address, and one process after the other.
type teahouse struct {
	t    *testing.T
	exe  string
	addr string
	data string
	args []string // further flags
	wrap []string // a command to start it with, like strace

	room string // URL of its lobby room, as printed
	cmd  *exec.Cmd
	log  buffer     // standard error of all its processes
	died chan error // what Wait said; one slot
}

// start runs a server with its own data folder on a free port.
func start(t *testing.T, args ...string) *teahouse {
	t.Helper()
	s := prepare(t, args...)
	s.start()
	return s
}

// prepare makes a server that isn't started yet.
func prepare(t *testing.T, args ...string) *teahouse {
	t.Helper()
	s := &teahouse{t: t, exe: binary, addr: freeAddr(t), data: filepath.Join(t.TempDir(), "data"), args: args}
	t.Cleanup(s.cleanup)
	return s
}

// freeAddr finds a port below those that the system gives to outgoing connections, so that it is still free after a restart.
func freeAddr(t *testing.T) string {
	t.Helper()
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000))
		l, err := net.Listen("tcp", addr)
		if err != nil {
			continue
		}
		l.Close()
		return addr
	}
	t.Fatal("no free port")
	return ""
}

// start runs the next process and returns how long it took to be ready: until its URL was printed.
func (s *teahouse) start() time.Duration {
	s.t.Helper()
	argv := append(append([]string{}, s.wrap...), s.exe, "serve", "--addr", s.addr, "--data", s.data)
	cmd := exec.Command(argv[0], append(argv[1:], s.args...)...)
	cmd.Stderr = &s.log
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.cmd, s.died = cmd, make(chan error, 1)
	var room string
	lines := make(chan string, 1)
	go func() {
		r := bufio.NewReader(out)
		line, _ := r.ReadString('\n') // none when it fails
		lines <- strings.TrimSpace(line)
		_, _ = io.Copy(io.Discard, r)
		s.died <- cmd.Wait()
	}()
	select {
	case room = <-lines:
	case <-time.After(30 * time.Second):
		s.t.Fatalf("server printed no URL within 30 s; its log:\n%s", s.log.String())
	}
	took := time.Since(began)
	if u, err := url.Parse(room); err != nil || !strings.HasSuffix(room, "/room/lobby/") || u.Port() != s.addr[strings.LastIndexByte(s.addr, ':')+1:] {
		s.t.Fatalf("server printed %q, want the URL of its lobby room; its log:\n%s", room, s.log.String())
	}
	if s.room == "" {
		s.room = room // written once: clients read it while the server is killed and started again
	}
	return took
}

// url is the URL of something under the base path, like /room/123/.
func (s *teahouse) url(path string) string { return strings.TrimSuffix(s.room, "/room/lobby/") + path }

// socketURL is the same for a WebSocket.
func (s *teahouse) socketURL(path string) string {
	return "ws" + strings.TrimPrefix(s.url(path), "http")
}

// client is a room with short pauses before retries.
func (s *teahouse) client(room, name string) *client.Room {
	s.t.Helper()
	r, err := client.NewRoom(s.url("/room/"+room+"/"), &client.Options{Name: name, MinPause: 20 * time.Millisecond, MaxPause: 200 * time.Millisecond})
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// post posts a message and fails the test when it isn't taken.
func (s *teahouse) post(room, name, text string) client.Event {
	s.t.Helper()
	e, err := s.client(room, name).Post(s.t.Context(), text, "")
	if err != nil {
		s.t.Fatalf("post %q: %v", text, err)
	}
	return e
}

// metric returns the value of a metric without labels, or -1 when there is none.
func (s *teahouse) metric(name string) float64 {
	s.t.Helper()
	for line := range strings.Lines(s.get("/metrics", http.StatusOK)) {
		if v, ok := strings.CutPrefix(line, name+" "); ok {
			f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
			if err != nil {
				s.t.Fatalf("%s: %v", line, err)
			}
			return f
		}
	}
	return -1
}

// get reads a path below the base path; the status has to be this.
func (s *teahouse) get(path string, status int) string {
	s.t.Helper()
	res, err := http.Get(s.url(path))
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != status {
		s.t.Fatalf("%s: status %s, want %d; %s %v", path, res.Status, status, b, err)
	}
	return string(b)
}

// kill ends the process as a power failure would, for all that it knows.
func (s *teahouse) kill() {
	s.t.Helper()
	if err := s.cmd.Process.Kill(); err != nil {
		s.t.Fatalf("kill: %v", err)
	}
	s.wait(10 * time.Second)
}

// stop ends the process with SIGTERM and returns how long it took; its exit code has to be 0.
func (s *teahouse) stop(within time.Duration) time.Duration {
	s.t.Helper()
	began := time.Now()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatalf("SIGTERM: %v", err)
	}
	if err := s.wait(within); err != nil {
		s.t.Fatalf("after SIGTERM: %v; its log:\n%s", err, s.log.String())
	}
	return time.Since(began)
}

// wait returns what the process ended with.
func (s *teahouse) wait(within time.Duration) error {
	s.t.Helper()
	select {
	case err := <-s.died:
		s.cmd = nil
		return err
	case <-time.After(within):
		s.t.Fatalf("server hasn't ended within %v; its log:\n%s", within, s.log.String())
		return nil
	}
}

func (s *teahouse) cleanup() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill() // it may have died by itself
		<-s.died
		s.cmd = nil
	}
	log := s.log.String()
	for _, bad := range []string{"DATA RACE", "panic:", "panicked", "fatal error:"} {
		if strings.Contains(log, bad) {
			s.t.Errorf("the server's log has %q", bad)
		}
	}
	if s.t.Failed() {
		s.t.Logf("the server's log ends:\n%s", log[max(0, len(log)-8000):])
	}
}

// run runs the program with these arguments to its end, and returns its exit code.
func run(t *testing.T, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return runCommand(t, exec.CommandContext(t.Context(), binary, args...), stdin)
}

// runCommand runs a command to its end, in half a minute at most.
func runCommand(t *testing.T, cmd *exec.Cmd, stdin string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", cmd, err)
	}
	if code = cmd.ProcessState.ExitCode(); code < 0 {
		t.Fatalf("%s: %v\nstdout: %s\nstderr: %s", cmd, err, out.String(), errs.String())
	}
	return out.String(), errs.String(), code
}

// openFolder makes a folder that other users may enter.
func openFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "teahouse-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
