//go:build linux

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// use is a short life of a server, with all that it does.
func use(t *testing.T, s *teahouse) {
	t.Helper()
	for _, path := range []string{"/", "/room/123/", "/healthz", "/readyz", "/metrics"} {
		s.get(path, http.StatusOK)
	}
	s.post("123", "ann", "hi https://example.com/")
	conn, err := dial(t.Context(), s.socketURL("/room/123/?after=0"), "teahouse.v1")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	if _, _, err := conn.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	checkSockets(t, s)
}

func TestServerConnectsToNobody(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Log("no strace: what the server does with sockets isn't traced, only the ones it has are looked at")
	}
	s := prepare(t)
	trace := filepath.Join(t.TempDir(), "trace")
	if err == nil {
		// -D: the server is the child, the tracer its grandchild, so that signals reach the server.
		s.wrap = []string{strace, "-D", "-f", "-q", "-e", "trace=connect,sendto,sendmsg", "-e", "signal=none", "-o", trace}
		if out, err := exec.Command(strace, "-qq", "-o", os.DevNull, "true").CombinedOutput(); err != nil {
			t.Logf("strace doesn't work here: %s", out)
			s.wrap = nil
		}
	}
	s.start()
	use(t, s)
	s.stop(30 * time.Second)
	if s.wrap == nil {
		return
	}
	// The tracer ends after the server.
	var calls string
	eventually(t, 10*time.Second, "the trace is written", func() bool {
		b, err := os.ReadFile(trace)
		calls = string(b)
		return err == nil && strings.Contains(calls, "exited with 0")
	})
	for line := range strings.Lines(calls) {
		if strings.Contains(line, "connect(") || strings.Contains(line, "sa_family=AF_INET") {
			t.Errorf("the server calls out: %s", line)
		}
	}
}

// checkSockets looks at the sockets that a server has: all are its address's own.
func checkSockets(t *testing.T, s *teahouse) {
	t.Helper()
	pid := s.cmd.Process.Pid
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	inode := regexp.MustCompile(`^socket:\[(\d+)\]$`)
	var inodes []string
	for _, fd := range fds {
		to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", pid, fd.Name()))
		if m := inode.FindStringSubmatch(to); err == nil && m != nil {
			inodes = append(inodes, m[1])
		}
	}
	if len(inodes) < 2 {
		t.Errorf("%d sockets were found, want the listening one and a follower's", len(inodes))
	}
	var port int
	if _, err := fmt.Sscanf(s.addr, "127.0.0.1:%d", &port); err != nil {
		t.Fatal(err)
	}
	known := map[string]string{} // local addresses by inode
	for _, table := range []string{"tcp", "tcp6", "udp", "udp6"} {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		if err != nil {
			continue // no IPv6
		}
		for line := range strings.Lines(string(b)) {
			if f := strings.Fields(line); len(f) > 9 && slices.Contains(inodes, f[9]) {
				known[f[9]] = table + " " + f[1]
			}
		}
	}
	for _, i := range inodes {
		if want := fmt.Sprintf("tcp 0100007F:%04X", port); known[i] != want {
			t.Errorf("the server has a socket at %q, want %q", known[i], want)
		}
	}
}
