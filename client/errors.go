package client

import (
	"cmp"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// An Error is a request that the server answered with a refusal.
type Error struct {
	Status     int           // HTTP status; 0 when it came over a socket
	Code       string        // stable name of the kind, like "rate_limited"; "" when what answered isn't a Teahouse server
	Detail     string        // a sentence for people
	RetryAfter time.Duration // when to try again; 0 when the server didn't say
}

// Error gives the sentence for people, or what stands in for it.
func (e *Error) Error() string {
	if e.Detail == "" && e.Code == "" {
		return fmt.Sprintf("HTTP status %d %s", e.Status, http.StatusText(e.Status))
	}
	return cmp.Or(e.Detail, e.Code)
}

// A CloseError is a connection that the server closed in good form.
type CloseError struct {
	Code       int           // RFC 6455 section 7.4, or Teahouse's 4401, 4403, 4408; 1005 when there was none
	Reason     string        // may be empty
	RetryAfter time.Duration // from the server's bye; 0 when it didn't say
}

// Error gives code and reason.
func (e *CloseError) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("the server closed the connection (code %d)", e.Code)
	}
	return fmt.Sprintf("the server closed the connection: %s (code %d)", e.Reason, e.Code)
}

// ErrText says that a text isn't valid UTF-8.
var ErrText = errors.New("the text isn't valid UTF-8")

// ErrSubprotocol says that a WebSocket server doesn't speak teahouse.v1.
var ErrSubprotocol = errors.New("the server doesn't speak teahouse.v1")

// fatal marks an error that no new attempt can mend.
type fatal struct{ error }

func (f fatal) Unwrap() error { return f.error }

// longestRetryAfter bounds what a server can make a client wait.
const longestRetryAfter = 10 * time.Minute

func seconds(s float64) time.Duration {
	if !(s > 0) {
		return 0
	}
	return time.Duration(min(s, longestRetryAfter.Seconds()) * float64(time.Second))
}

// worthRetrying says whether a new attempt may fare better, and how long the server asked to wait, 0 when it didn't.
// What it doesn't know, a broken connection above all, is worth it.
func worthRetrying(err error) (after time.Duration, yes bool) {
	var (
		refused *Error
		closed  *CloseError
		dead    fatal
		cert    *tls.CertificateVerificationError
		noTLS   tls.RecordHeaderError
		reset   *ResetError
	)
	switch {
	case errors.As(err, &dead), errors.As(err, &cert), errors.As(err, &noTLS), errors.As(err, &reset),
		errors.Is(err, ErrSubprotocol), errors.Is(err, http.ErrSchemeMismatch):
		return 0, false
	case errors.As(err, &refused):
		switch refused.Status {
		case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
			http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return refused.RetryAfter, true
		}
		return 0, false
	case errors.As(err, &closed):
		switch closed.Code {
		case 1002, 1003, 1007, 1008, 1009, 1010, 4401, 4403: // it would end the same way
			return 0, false
		}
		return closed.RetryAfter, true
	}
	return 0, true
}

// errorFrom makes an error of a response that isn't the one hoped for: *ResetError for a reset, else *Error.
func errorFrom(res *http.Response) error {
	var problem struct {
		Title, Detail, Code, Epoch string
		Head, Floor                int64
	}
	body, _ := io.ReadAll(io.LimitReader(res.Body, 64<<10)) // what came is as good as it gets
	_ = json.Unmarshal(body, &problem)                      // not every answer is a problem+json
	if res.StatusCode == http.StatusGone && problem.Code == "reset" {
		return &ResetError{Epoch: problem.Epoch, Head: problem.Head, Floor: problem.Floor}
	}
	e := &Error{Status: res.StatusCode, Code: problem.Code, Detail: cmp.Or(problem.Detail, problem.Title)}
	if to := res.Header.Get("Location"); to != "" && res.StatusCode/100 == 3 {
		e.Detail = "the server moved it to " + to
	}
	e.RetryAfter = retryAfter(res.Header.Get("Retry-After"))
	return e
}

func retryAfter(header string) time.Duration {
	if s, err := strconv.ParseFloat(header, 64); err == nil {
		return seconds(s)
	}
	if at, err := http.ParseTime(header); err == nil {
		return seconds(time.Until(at).Seconds())
	}
	return 0
}
