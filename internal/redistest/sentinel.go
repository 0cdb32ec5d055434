//go:build unix

package redistest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// StartSentinel starts a redis-sentinel that watches a master under a name, alone: one vote is enough. It takes a master for down after
// half a second, and a failover is over within a few.
func StartSentinel(t testing.TB, name string, master *Server) *Server {
	t.Helper()
	s := &Server{command: "redis-sentinel", dir: t.TempDir()}
	file := filepath.Join(s.dir, "sentinel.conf")
	s.args = func(s *Server) []string {
		conf := fmt.Sprintf("port %s\nbind 127.0.0.1\ndir %s\nsentinel monitor %s 127.0.0.1 %s 1\nsentinel down-after-milliseconds %s 500\n"+
			"sentinel failover-timeout %s 3000\n", s.Port(), s.dir, name, master.Port(), name, name)
		if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
			t.Fatal(err)
		}
		return []string{file}
	}
	return started(t, s, s.startAnywhere())
}

// StartReplica starts a server that copies a master, and waits until it does.
func StartReplica(t testing.TB, master *Server) *Server {
	t.Helper()
	s := Start(t, "--replicaof", "127.0.0.1 "+master.Port())
	for deadline := time.Now().Add(readyWithin); ; time.Sleep(20 * time.Millisecond) {
		role, ok := s.Do(t, "ROLE").([]any)
		if ok && len(role) > 3 && role[3] == "connected" {
			return s
		}
		if time.Now().After(deadline) {
			t.Fatalf("the replica of %s doesn't connect: %v", master.Addr(), role)
		}
	}
}
