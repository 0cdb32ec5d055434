// Package client is the Go client of a Teahouse server: it reads a room, posts to it and follows it, over HTTP and over a
// WebSocket that resumes by itself.
//
// A [Room] is a room's page URL. [Room.Post], [Room.Last], [Room.After] and [Room.Before] are single requests; [Room.Follow]
// hands over every event once, in order, for as long as its context lives, whatever becomes of the connection. A [Session]
// is the richer form for programs that people sit in front of: it also tells its state and who is there, and has an outbox.
//
// Types and fields that this version doesn't know are ignored, as the protocol asks; [Event.Raw] keeps them.
package client

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Options are what a Room may be told. The zero value, and a nil *Options, mean the defaults.
type Options struct {
	// Name is the display name of the author, 1 to 32 characters. Default: the URL's name parameter, else the server's "guest".
	Name string
	// HTTPClient makes the HTTP requests; the WebSocket is dialed apart from it. Default: a client with a timeout of 30 s.
	HTTPClient *http.Client
	// MinPause and MaxPause bound the pause before a retry: it is drawn between zero and MinPause at first, and that bound
	// doubles with each try until it is MaxPause ("full jitter"). Defaults: 500 ms and 20 s. What the server asks for wins.
	MinPause, MaxPause time.Duration
	// Retrying, when not nil, is told of each retry of Post before its pause: why, and how long it is.
	Retrying func(cause error, pause time.Duration)
}

// A Room is one room of one server. It is safe for concurrent use and holds no connection.
type Room struct {
	name     string   // as in the URL, unescaped
	page     *url.URL // ends in /room/{room}/; no query
	author   string   // display name, or ""
	http     *http.Client
	min, max time.Duration
	retrying func(error, time.Duration)
}

// NewRoom returns the room with this page URL: http://localhost:8000/room/123/. The final slash and http:// may be left out,
// ws:// and wss:// stand for http:// and https://, and a bare name is a room of the server on this machine's port 8000.
// Nothing is sent. An error says what a good URL looks like. Nil opts mean the defaults.
func NewRoom(rawURL string, opts *Options) (*Room, error) {
	page, err := parsePage(rawURL)
	if err != nil {
		return nil, fmt.Errorf("room %q: %w", rawURL, err)
	}
	o := Options{}
	if opts != nil {
		o = *opts
	}
	path := strings.Split(strings.Trim(page.Path, "/"), "/")
	r := &Room{
		name:     path[len(path)-1],
		author:   cmp.Or(o.Name, page.Query().Get("name")),
		page:     page,
		http:     o.HTTPClient,
		min:      cmp.Or(o.MinPause, 500*time.Millisecond),
		max:      cmp.Or(o.MaxPause, 20*time.Second),
		retrying: o.Retrying,
	}
	page.RawQuery = ""
	if r.http == nil {
		r.http = &http.Client{Timeout: 30 * time.Second}
	}
	return r, nil
}

// Name returns the room's name as the URL has it.
func (r *Room) Name() string { return r.name }

// URL returns the room's page, with its final slash and without a query.
func (r *Room) URL() string { return r.page.String() }

// at returns the URL of something under the room's page, with the author's name among its parameters.
func (r *Room) at(path string, query url.Values) string {
	u := r.page.JoinPath(path)
	if r.author != "" {
		query.Set("name", r.author)
	}
	u.RawQuery = query.Encode()
	return u.String()
}

// socket returns the URL of the room's WebSocket from a cursor on.
func (r *Room) socket(c Cursor) string {
	query := url.Values{}
	c.addTo(query)
	return "ws" + strings.TrimPrefix(r.at("/", query), "http") // https becomes wss
}

var errNotRoom = errors.New("not a room's page, like http://localhost:8000/room/lobby/")

func parsePage(raw string) (*url.URL, error) {
	switch {
	case strings.Contains(raw, "://"):
	case strings.ContainsAny(raw, "/:"):
		raw = "http://" + strings.TrimPrefix(raw, "//")
	case raw != "":
		raw = "http://localhost:8000/room/" + url.PathEscape(raw) + "/"
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errNotRoom
	}
	switch u.Scheme {
	case "ws":
		u.Scheme = "http"
	case "wss":
		u.Scheme = "https"
	}
	segments := strings.Split(strings.TrimSuffix(u.EscapedPath(), "/"), "/")
	n := len(segments)
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || n < 3 || segments[n-2] != "room" || segments[n-1] == "" || segments[n-1][0] == '.' {
		return nil, errNotRoom
	}
	u.Fragment, u.RawFragment = "", ""
	return u.JoinPath("/"), nil
}

// A Cursor is a place in a room's log: the last offset that one has, and the log's epoch, "" when it isn't known yet. The zero
// value asks for all that is kept; Head for nothing but what comes.
type Cursor struct {
	Offset int64
	Epoch  string
}

// Head is the cursor of somebody who wants only what comes from now on.
var Head = Cursor{Offset: -1}

func (c Cursor) addTo(query url.Values) {
	if c.Offset < 0 {
		return
	}
	query.Set("after", strconv.FormatInt(c.Offset, 10))
	if c.Epoch != "" {
		query.Set("epoch", c.Epoch)
	}
}
