//go:build unix

package redistest_test

import (
	"errors"
	"os/exec"
	"testing"

	"go.uber.org/goleak"

	"github.com/teahouse-chat/teahouse/internal/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAServerKeepsWhatItIsToldUntilItRestarts(t *testing.T) {
	for name, start := range map[string]func(testing.TB, ...string) *redistest.Server{
		"tcp": redistest.Start, "tls": redistest.StartTLS, "unix": redistest.StartUnix,
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			s.Do(t, "SET", "key", []byte("\xff\r\n"))
			if got := s.Do(t, "GET", "key"); got != "\xff\r\n" {
				t.Errorf("GET: %q", got)
			}
			s.Pause(t)
			s.Resume(t)
			if got := s.Do(t, "ZADD", "set", 1.5, "a"); got != int64(1) {
				t.Errorf("ZADD: %v", got)
			}
			url := s.URL()
			s.Restart(t)
			if got := s.Do(t, "KEYS", "*"); len(got.([]any)) != 0 || s.URL() != url {
				t.Errorf("after a restart at %s: %v at %s", url, got, s.URL())
			}
			s.Stop()
			if _, err := s.TryDo("PING"); err == nil {
				t.Error("a server that was stopped answered")
			}
			for range 5 {
				if other := start(t); other.Addr() == s.Addr() {
					t.Error("another server is where one is that was stopped")
				}
			}
		})
	}
}

func TestASentinelKnowsItsMaster(t *testing.T) {
	master := redistest.Start(t)
	redistest.StartReplica(t, master)
	sentinel := redistest.StartSentinel(t, "tea", master)
	got := sentinel.Do(t, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "tea").([]any)
	if got[1] != master.Port() {
		t.Errorf("the master is %v, want port %s", got, master.Port())
	}
}

func TestAServerThatCannotStartSaysWhy(t *testing.T) {
	if _, err := redistest.New(t.TempDir(), "--no-such-option", "1"); err == nil {
		t.Error("it started")
	}
	t.Setenv("PATH", "")
	if _, err := redistest.New(t.TempDir()); err == nil || !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("without redis-server: %v", err)
	}
}
