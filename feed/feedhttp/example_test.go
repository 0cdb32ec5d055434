package feedhttp_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"

	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/eventlog/memlog"
	"github.com/teahouse-chat/teahouse/feed"
	"github.com/teahouse-chat/teahouse/feed/feedhttp"
)

// numbers writes an event as its offset and its data, which are JSON already.
type numbers struct{ epoch string }

func (n numbers) AppendEvent(dst []byte, _ feed.Encoding, _ string, e *eventlog.Event) []byte {
	return feedhttp.AppendSSE(dst, n.epoch, e.Offset, appendNumber(nil, e))
}

func (n numbers) AppendReset(dst []byte, _ feed.Encoding, _, epoch string, s eventlog.State) ([]byte, eventlog.Offset) {
	return feedhttp.AppendSSEReset(dst, epoch, s), s.Head
}

func appendNumber(dst []byte, e *eventlog.Event) []byte {
	dst = append(dst, `{"offset":`...)
	dst = strconv.AppendInt(dst, int64(e.Offset), 10)
	dst = append(dst, `,"celsius":`...)
	return append(append(dst, e.Data...), '}')
}

// A kettle's temperatures, to be polled from any point.
func ExampleHandler() {
	log := memlog.New()
	f := feed.New(log, numbers{log.Epoch()}, nil)
	defer f.Close()
	h := &feedhttp.Handler{
		Feed:        f,
		Key:         "kettle",
		AppendEvent: appendNumber,
		Error: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusBadRequest)
		},
		Going: context.Background(),
	}
	for i, celsius := range []string{"20", "60", "95"} {
		entry := eventlog.Entry{Topic: "kettle.1", Author: "sensor", ID: strconv.Itoa(i), Data: []byte(celsius)}
		if _, err := log.Append(context.Background(), entry); err != nil {
			panic(err)
		}
	}
	w := httptest.NewRecorder()
	h.Serve(w, httptest.NewRequest("GET", "/?after=1", nil), "kettle.1", "green")
	_, events, _ := strings.Cut(w.Body.String(), `"floor":1,`)
	fmt.Println(events)
	// Output: "events":[{"offset":2,"celsius":60},{"offset":3,"celsius":95}]}
}
