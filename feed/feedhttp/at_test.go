package feedhttp_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestEventsFromATimeOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newReader(t)
		began := time.Now()
		for range 100 { // two each second
			s.append(2)
			time.Sleep(time.Second)
		}
		if err := s.log.Trim(t.Context(), "t", 11); err != nil {
			t.Fatal(err)
		}
		at := func(d time.Duration) string { return "at=" + url.QueryEscape(began.Add(d).Format(time.RFC3339Nano)) }
		for _, c := range []struct{ query, want string }{
			{at(50*time.Second) + "&limit=4", "101,102,103,104"},
			{at(50*time.Second+time.Nanosecond) + "&limit=2", "103,104"},
			{at(49*time.Second+999*time.Millisecond) + "&limit=2", "101,102"},
			{at(-time.Hour) + "&limit=2", "11,12"},
			{at(0) + "&limit=1", "11"},
			{at(99 * time.Second), "199,200"},
			{at(100 * time.Second), ""},
			{at(9999*time.Hour) + "&wait=20", ""},
			{"at=0001-01-01T00:00:01Z&limit=1", "11"},
			{"at=" + url.QueryEscape(began.Add(50*time.Second).In(time.FixedZone("", 8*3600)).Format(time.RFC3339)) + "&limit=1", "101"},
		} {
			before := time.Now()
			got := s.get(t.Context(), c.query)
			if want := `"events":[` + c.want + `]}` + "\n"; got.status != 200 || !strings.HasSuffix(got.String(), want) || time.Since(before) > time.Second {
				t.Errorf("%s: got %d %s, want %s", c.query, got.status, got, want)
			}
		}
		if got := s.get(t.Context(), at(time.Second)); strings.Count(got.String(), ",") != 4+49 {
			t.Errorf("without a limit: got %s, want 50", got)
		}
		for _, query := range []string{"at=yesterday", "at=2026-11-23", at(0) + "&after=1", at(0) + "&last=1", at(0) + "&" + at(0)} {
			if got := s.get(t.Context(), query); got.status != 400 {
				t.Errorf("%s: got %d %s", query, got.status, got)
			}
		}
		if got := s.get(t.Context(), at(0), "Accept", "text/event-stream"); got.status != 400 {
			t.Errorf("a stream: got %d %s", got.status, got)
		}
		if got := s.get(t.Context(), at(0)+"&epoch=other"); got.status != 410 {
			t.Errorf("another epoch: got %d %s", got.status, fmt.Sprint(got))
		}
	})
}
