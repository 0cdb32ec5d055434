package memlog_test

import (
	"context"
	"fmt"
	"testing"

	"go.uber.org/goleak"

	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/eventlog/logtest"
	"github.com/teahouse-chat/teahouse/eventlog/memlog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLogKeepsTheContract(t *testing.T) {
	logtest.Run(t, func(*testing.T) eventlog.Log { return memlog.New() })
}

func TestEveryLogHasItsOwnEpoch(t *testing.T) {
	if a, b := memlog.New().Epoch(), memlog.New().Epoch(); a == b {
		t.Errorf("two logs have the epoch %q", a)
	}
}

func ExampleNew() {
	ctx := context.Background()
	log := memlog.New()
	tea := eventlog.Entry{Topic: "room.tea", Type: "message.posted", Author: "li", ID: "1", Data: []byte("one tea, please")}

	first, _ := log.Append(ctx, tea)
	again, _ := log.Append(ctx, tea) // a retry
	fmt.Println(first[0].Offset, again[0].Offset, again[0].Existed)

	events, _ := log.Read(ctx, "room.tea", 0, 100)
	for _, e := range events {
		fmt.Printf("%d %s: %s\n", e.Offset, e.Author, e.Data)
	}
	// Output:
	// 1 1 true
	// 1 li: one tea, please
}
