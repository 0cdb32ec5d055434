package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/internal/sqlite"
)

// BenchmarkAppend is acknowledged appends of 128 bytes, so many at a time, over so many topics.
func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct{ callers, topics int }{{1, 1}, {16, 1}, {64, 1}, {64, 64}, {512, 64}} {
		b.Run(fmt.Sprintf("callers=%d/topics=%d", c.callers, c.topics), func(b *testing.B) {
			db, err := sqlite.Open(b.Context(), b.TempDir(), nil)
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			data := make([]byte, 128)
			next := make(chan int, 4096)
			b.ResetTimer()
			var all sync.WaitGroup
			for range c.callers {
				all.Go(func() {
					for n := range next {
						_, err := db.Append(context.Background(), eventlog.Entry{
							Topic: "room." + strconv.Itoa(n%c.topics),
							Type:  "message.posted", Author: "author" + strconv.Itoa(n%100), ID: strconv.Itoa(n*7919%1000003) + "-" + strconv.Itoa(n), Data: data,
						})
						if err != nil {
							b.Error(err)
						}
					}
				})
			}
			for n := range b.N {
				next <- n
			}
			close(next)
			all.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
		})
	}
}

// BenchmarkBareInserts is what the same rows cost without a store around them: one statement an event, so many in a
// transaction, on the same schema.
func BenchmarkBareInserts(b *testing.B) {
	for _, group := range []int{16, 64} {
		b.Run("group="+strconv.Itoa(group), func(b *testing.B) {
			dir := b.TempDir()
			db, err := sqlite.Open(b.Context(), dir, nil)
			if err != nil {
				b.Fatal(err)
			}
			if err := db.Close(); err != nil {
				b.Fatal(err)
			}
			bare, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "teahouse.db")+
				"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
			if err != nil {
				b.Fatal(err)
			}
			defer bare.Close()
			bare.SetMaxOpenConns(1)
			data := make([]byte, 128)
			b.ResetTimer()
			for n := 0; n < b.N; n += group {
				tx, err := bare.Begin()
				if err != nil {
					b.Fatal(err)
				}
				stmt, err := tx.Prepare(`INSERT INTO events VALUES (?, ?, ?, 'message.posted', ?, ?, ?, 0)`)
				if err != nil {
					b.Fatal(err)
				}
				for i := range group {
					id := strconv.Itoa(n*7919%1000003) + "-" + strconv.Itoa(n+i)
					if _, err := stmt.Exec(i, n/group+1, n, "author"+strconv.Itoa((n+i)%100), id, data); err != nil {
						b.Fatal(err)
					}
				}
				if err := tx.Commit(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
		})
	}
}
