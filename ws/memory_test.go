package ws_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"testing"

	"github.com/teahouse-chat/teahouse/ws"
)

// idleVar has a process be the clients of BenchmarkIdle: how many, where and whether with TLS, which its standard input says.
const idleVar = "WS_IDLE_CLIENTS"

// BenchmarkIdle tells what an idle connection takes of a server's heap and stacks, and how many goroutines it has: go test -run - -bench Idle -benchtime 4000x ./ws. Its clients are
// another process.
func BenchmarkIdle(b *testing.B) {
	if n, err := strconv.Atoi(os.Getenv(idleVar)); err == nil {
		holdIdle(b, n)
		return
	}
	for _, path := range paths {
		b.Run(path, func(b *testing.B) {
			s := serve(b, path, ws.Options{ForceGoroutines: path == "goroutine"}, newEcho)
			before, goroutines := inUse(), runtime.NumGoroutine()
			release := startIdle(b, s)
			b.ReportMetric(float64(inUse()-before)/float64(b.N), "B/conn")
			b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/float64(b.N), "goroutines/conn")
			release()
		})
	}
}

// inUse is what heap and stacks hold.
func inUse() int64 {
	runtime.GC()
	runtime.GC() // what pools held is garbage only by now
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// startIdle has a process open b.N connections, and returns when all are open.
func startIdle(b *testing.B, s *site) (release func()) {
	clients := exec.Command(os.Args[0], "-test.run=^$", "-test.bench=^BenchmarkIdle$", "-test.benchtime=1x")
	clients.Env = append(os.Environ(), idleVar+"="+strconv.Itoa(b.N))
	in, err := clients.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := clients.StderrPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := clients.Start(); err != nil {
		b.Fatal(err)
	}
	if _, err := fmt.Fprintln(in, s.url, s.tls); err != nil {
		b.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "open\n" {
		b.Fatalf("the clients say %q, %v", line, err)
	}
	return func() {
		_ = in.Close()
		_ = clients.Wait()
	}
}

// holdIdle is the clients' process.
func holdIdle(b *testing.B, n int) {
	var s site
	if _, err := fmt.Scan(&s.url, &s.tls); err != nil {
		b.Fatal(err)
	}
	for range n {
		s.dial(b, "")
	}
	fmt.Fprintln(os.Stderr, "open")
	_, _ = io.Copy(io.Discard, os.Stdin)
}
