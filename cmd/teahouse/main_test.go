package main

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain makes this test binary the command itself when the environment says so: what the tests run is the real thing.
func TestMain(m *testing.M) {
	switch os.Getenv("TEST_TEAHOUSE") {
	case "command":
		os.Exit(run())
	case "server": // for a look at the chat by hand: TEST_TEAHOUSE=server go test ./cmd/teahouse
		listener, err := net.Listen("tcp", "localhost:8000")
		if err != nil {
			panic(err)
		}
		panic(http.Serve(listener, newFakeServer()))
	}
	goleak.VerifyTestMain(m)
}

// startServer returns a fake server and the URL of a room on it.
func startServer(t *testing.T) (f *fakeServer, room string) {
	t.Helper()
	f = newFakeServer()
	s := httptest.NewServer(f)
	t.Cleanup(func() {
		f.dropAll()
		s.Close()
	})
	return f, s.URL + "/room/123/"
}

// command is a run of teahouse.
type command struct {
	*exec.Cmd
	out, err bytes.Buffer
}

// teahouse prepares a run with these arguments. It is killed with the test, or after half a minute.
func teahouse(t *testing.T, args ...string) *command {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	c := &command{Cmd: exec.CommandContext(ctx, exe, args...)}
	c.Env = append(os.Environ(), "TEST_TEAHOUSE=command", "TZ=UTC", "GORACE=atexit_sleep_ms=0")
	c.Stdout, c.Stderr = &c.out, &c.err
	return c
}

// code waits for a run and returns its exit code.
func (c *command) code(t *testing.T) int {
	t.Helper()
	if c.Process == nil {
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
	}
	_ = c.Wait() // the code says it all
	return c.ProcessState.ExitCode()
}
