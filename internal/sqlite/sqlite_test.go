package sqlite_test

import (
	"log/slog"
	"testing"

	"go.uber.org/goleak"

	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/eventlog/logtest"
	"github.com/teahouse-chat/teahouse/internal/chat"
	"github.com/teahouse-chat/teahouse/internal/chat/storetest"
	"github.com/teahouse-chat/teahouse/internal/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = &sqlite.Options{Logger: slog.New(slog.DiscardHandler)}

// open opens a store that the end of the test closes, if the test hasn't.
func open(t *testing.T, dir string) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), dir, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return db
}

func TestStoreKeepsTheContractOfALog(t *testing.T) {
	logtest.Run(t, func(t *testing.T) eventlog.Log { return open(t, t.TempDir()) })
}

func TestStoreKeepsTheContractOfAChatStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) (chat.Store, eventlog.Log) {
		db := open(t, t.TempDir())
		return db, db
	})
}
