//go:build unix

package redistest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

// answerWithin is how long a command of Do may take.
const answerWithin = 10 * time.Second

// Do sends one command on a connection of its own and returns the answer: string, int64, []any or nil. Arguments are written as
// fmt.Sprint does, but []byte as they are. An answer that is an error fails the test.
func (s *Server) Do(t testing.TB, args ...any) any {
	t.Helper()
	v, err := s.TryDo(args...)
	if err != nil {
		t.Fatalf("redis %v: %v", args, err)
	}
	return v
}

// TryDo is like Do, but returns the error.
func (s *Server) TryDo(args ...any) (any, error) {
	conn, err := s.dial()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return do(conn, args...)
}

func do(conn net.Conn, args ...any) (any, error) {
	var cmd strings.Builder
	fmt.Fprintf(&cmd, "*%d\r\n", len(args))
	for _, a := range args {
		text, isBytes := a.([]byte)
		if !isBytes {
			text = fmt.Append(nil, a)
		}
		fmt.Fprintf(&cmd, "$%d\r\n%s\r\n", len(text), text)
	}
	conn.SetDeadline(time.Now().Add(answerWithin))
	if _, err := io.WriteString(conn, cmd.String()); err != nil {
		return nil, err
	}
	return answer(bufio.NewReader(conn))
}

// answer reads one answer of RESP2.
func answer(r *bufio.Reader) (any, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return nil, err
	}
	kind, rest := line[0], strings.TrimSuffix(line[1:], "\r\n")
	switch kind {
	case '+':
		return rest, nil
	case '-':
		return nil, errors.New(rest)
	case ':':
		return strconv.ParseInt(rest, 10, 64)
	case '$', '*':
		n, err := strconv.Atoi(rest)
		if err != nil || n < 0 {
			return nil, err
		}
		if kind == '$' {
			text := make([]byte, n+2)
			_, err := io.ReadFull(r, text)
			return string(text[:n]), err
		}
		list := make([]any, n)
		for i := range list {
			if list[i], err = answer(r); err != nil {
				return nil, err
			}
		}
		return list, nil
	}
	return nil, fmt.Errorf("an answer %q isn't RESP2", line)
}
