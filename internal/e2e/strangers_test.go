//go:build linux

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// crowded is the part of the machine that others may use while time is measured: with more, a slow frame says nothing of the page.
const crowded = 0.15

// tick is the unit of the kernel's CPU times, USER_HZ.
const tick = 10 * time.Millisecond

// strangers begins to watch what the machine does besides this test, its server and its browser. The func it returns gives the part of
// all processors that was used by others meanwhile.
func strangers(t *testing.T) func() float64 {
	t.Helper()
	began, all, own := time.Now(), busyTicks(t), ownTicks(t)
	return func() float64 {
		t.Helper()
		others := (busyTicks(t) - all) - (ownTicks(t) - own)
		return max(0, float64(others)*tick.Seconds()/(time.Since(began).Seconds()*float64(runtime.NumCPU())))
	}
}

// overBudget fails the test, unless others kept the machine busy while it measured.
func overBudget(t *testing.T, others float64, format string, args ...any) {
	t.Helper()
	what := fmt.Sprintf(format, args...)
	if others > crowded {
		t.Logf("not judged, since others used %.0f %% of the machine: %s", others*100, what)
		return
	}
	t.Error(what)
}

// busyTicks is how long all processors have worked since the machine started.
func busyTicks(t *testing.T) int64 {
	t.Helper()
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		t.Fatal(err)
	}
	var user, nice, system int64
	if _, err := fmt.Sscanf(string(b), "cpu %d %d %d", &user, &nice, &system); err != nil {
		t.Fatalf("/proc/stat: %v", err)
	}
	return user + nice + system
}

// ownTicks is how long this process and all that descend from it have worked, those that have ended and were waited for included.
func ownTicks(t *testing.T) int64 {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	parents, ticks := map[int]int{}, map[int]int64{}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(b[strings.LastIndexByte(string(b), ')'):]), " ") // a name may hold anything
		f := strings.Fields(rest)                                                         // from the state on: proc_pid_stat(5)'s field 3
		pid, _ := strconv.Atoi(strings.Split(path, "/")[2])
		parents[pid], _ = strconv.Atoi(f[1])
		for _, field := range f[11:15] {
			n, _ := strconv.ParseInt(field, 10, 64)
			ticks[pid] += n
		}
	}
	var sum int64
	for pid := range ticks {
		for at := pid; at != 0; at = parents[at] {
			if at == os.Getpid() {
				sum += ticks[pid]
				break
			}
		}
	}
	return sum
}
