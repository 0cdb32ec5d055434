//go:build linux

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/teahouse-chat/teahouse/client"
)

// smallDisk mounts a file system of its own of 16 MB.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("teahouse-e2e", dir, "tmpfs", 0, "size=16m,mode=0700"); err != nil {
		t.Skipf("mount a tmpfs: %v (it takes root with CAP_SYS_ADMIN)", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

// fill writes a file until the disk is full.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// tryPost posts once, without trying again.
func tryPost(t *testing.T, s *teahouse, id, text string) (status int, head http.Header, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url("/room/123/messages?name=ann"), strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Idempotency-Key", id)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(b)
}

func TestFullDiskRefusesPostsAndHealsByItself(t *testing.T) {
	s := prepare(t, "--limits", "off")
	disk := smallDisk(t)
	t.Cleanup(s.cleanup) // before the disk goes
	s.data = filepath.Join(disk, "data")
	s.start()

	ctx, cancel := context.WithCancel(t.Context())
	follow := newFollowers(s, "123")[1] // its socket lives through it all
	var following sync.WaitGroup
	following.Go(func() {
		if err := follow.run(follow, ctx); err != nil {
			t.Errorf("follow: %v", err)
		}
	})
	defer following.Wait()
	defer cancel()

	acked := map[string]int64{}
	post := func(id string) (status int) {
		t.Helper()
		text := id + strings.Repeat(" 茶", 1000)
		status, head, body := tryPost(t, s, id, text)
		switch status {
		case http.StatusCreated, http.StatusOK:
			e := decode[client.Event](t, body)
			if old, ok := acked[id]; ok && old != e.Offset {
				t.Errorf("%s was at %d and is at %d", id, old, e.Offset)
			}
			acked[id] = e.Offset
		case http.StatusServiceUnavailable:
			if head.Get("Retry-After") == "" || head.Get("Content-Type") != "application/problem+json" || !strings.Contains(body, `"code":"unavailable"`) {
				t.Errorf("refused with %v %s", head, body)
			}
		default:
			t.Fatalf("%s: status %d %s", id, status, body)
		}
		return status
	}
	for i := range 10 {
		if post(fmt.Sprintf("before-%d", i)) != http.StatusCreated {
			t.Fatal("a post was refused before the disk was full")
		}
	}

	for round := range 2 {
		ballast := filepath.Join(disk, "ballast")
		fill(t, ballast)
		n := 0
		eventually(t, 30*time.Second, "posts are refused", func() bool {
			fill(t, ballast+"2")
			n++
			return post(fmt.Sprintf("full-%d-%d", round, n)) == http.StatusServiceUnavailable
		})
		refused := fmt.Sprintf("full-%d-%d", round, n)
		if status := post(refused); status != http.StatusServiceUnavailable {
			t.Errorf("again: status %d", status)
		}
		// Reading and following go on, for those who come now as well.
		page, err := s.client("123", "").After(t.Context(), client.Cursor{}, 1000, 0)
		if err != nil || len(page.Events) < len(acked) {
			t.Errorf("read while the disk is full: %d events, want %d; %v", len(page.Events), len(acked), err)
		}
		fresh := newFollowers(s, "123")[1]
		freshCtx, stop := context.WithCancel(ctx)
		var reading sync.WaitGroup
		reading.Go(func() { _ = fresh.run(fresh, freshCtx) }) // what it sees is looked at
		eventually(t, 20*time.Second, "a new follower sees all", func() bool { return fresh.at() == page.Head })
		stop()
		reading.Wait()
		s.get("/healthz", http.StatusOK)

		for _, path := range []string{ballast, ballast + "2"} {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, 30*time.Second, "posts are taken again", func() bool { return post(refused) == http.StatusCreated })
		if status := post(refused); status != http.StatusOK {
			t.Errorf("the same again: status %d, want 200", status)
		}
		eventually(t, 20*time.Second, "the server is ready", func() bool {
			res, err := http.Get(s.url("/readyz"))
			if err != nil {
				return false
			}
			res.Body.Close()
			return res.StatusCode == http.StatusOK
		})
	}

	log := readAll(t, s, "123")
	for id, offset := range acked {
		if offset > int64(len(log)) || log[offset-1].ID != id {
			t.Errorf("%s was acknowledged at %d, where it isn't", id, offset)
		}
	}
	if len(log) != len(acked) {
		t.Errorf("%d messages are there, %d were acknowledged", len(log), len(acked))
	}
	eventually(t, 20*time.Second, "the follower has seen all", func() bool { return follow.at() == int64(len(log)) })
	follow.compare(t, log)
	s.kill()
	s.start()
	if again := readAll(t, s, "123"); len(again) != len(log) {
		t.Errorf("after a restart %d messages are there, want %d", len(again), len(log))
	}
}
