//go:build linux

// Package e2e runs the real binary as real processes, talks to it as people, scripts and browsers do, and kills it.
package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// binary is the path of the program under test. It is built like the tests are: with -race when they are.
var binary string

// binaryEnv names a program to test in place of the one built from here: one with a planted fault, or a released one.
const binaryEnv = "TEAHOUSE_E2E_BINARY"

// TestMain builds the program once, into a folder that every user may enter.
func TestMain(m *testing.M) {
	os.Exit(withBinary(m))
}

func withBinary(m *testing.M) int {
	dir, err := os.MkdirTemp("", "teahouse-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for _, e := range os.Environ() { // a developer's own settings aren't the tests'
		if name, _, _ := strings.Cut(e, "="); strings.HasPrefix(name, "TEAHOUSE_") && name != shotsEnv && name != binaryEnv {
			os.Unsetenv(name)
		}
	}
	binary = filepath.Join(dir, "teahouse")
	if given := os.Getenv(binaryEnv); given != "" {
		binary = given
	} else if err := buildBinary(binary, raceEnabled); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	stopChromium()
	http.DefaultClient.CloseIdleConnections()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, "goroutines are left:", err)
			return 1
		}
	}
	return code
}

func buildBinary(path string, race bool) error {
	args := []string{"build", "-o", path}
	if race {
		args = append(args, "-race")
	}
	out, err := exec.Command("go", append(args, "github.com/teahouse-chat/teahouse/cmd/teahouse")...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("build the program: %w\n%s", err, out)
	}
	return nil
}

// plainBinary is the program without the race detector, for what is measured.
var plainBinary = sync.OnceValues(func() (string, error) {
	if !raceEnabled {
		return binary, nil
	}
	path := binary + "-plain"
	return path, buildBinary(path, false)
})

// eventually polls a condition until it holds. What is the state that didn't become right, for the failure.
func eventually(t *testing.T, within time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("after %v still not: %s", within, what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
