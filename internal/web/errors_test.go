package web

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/teahouse-chat/teahouse/feed/feedhttp"
	"github.com/teahouse-chat/teahouse/internal/chat"
	"github.com/teahouse-chat/teahouse/ws"
)

func TestEveryErrorCodeIsDocumented(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "protocol.md"))
	if err != nil {
		t.Fatal(err)
	}
	all := []error{&chat.RateError{}, &feedhttp.QueryError{}, &feedhttp.ResetError{}, &ws.HandshakeError{Status: 400}, os.ErrInvalid}
	for _, row := range problems {
		all = append(all, row.err)
	}
	for _, err := range all {
		p, _ := describe(err)
		if !strings.Contains(string(b), "`"+p.code+"`") {
			t.Errorf("docs/protocol.md lacks the code %s", p.code)
		}
		if p.status < 400 || p.close < 1000 || p.detail == "" && p.code != "handshake" {
			t.Errorf("%v is told as %+v", err, p)
		}
	}
}
