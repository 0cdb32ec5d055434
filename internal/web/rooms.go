package web

import (
	"context"
	"html"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/teahouse-chat/teahouse/eventlog"
	"github.com/teahouse-chat/teahouse/internal/chat"
	"github.com/teahouse-chat/teahouse/ws"
)

const (
	firstBytes   = 128 << 10 // of events' data in a page; the script reads on
	visitTimeout = time.Second
	shownAtFirst = 50
	recentRooms  = 20
	maxFormBytes = 128 << 10
)

// roomURL is the path of a room's page.
func (h *Handler) roomURL(room chat.Room) string {
	return h.opts.BasePath + "/room/" + url.PathEscape(room.Name) + "/"
}

// nearestRoom is the room that somebody meant who asked for what isn't one.
func nearestRoom(r *http.Request) chat.Room {
	name := r.PathValue("room")
	if name == "" {
		name = r.URL.Query().Get("room")
	}
	return chat.NearestRoom(name)
}

// roomOrSocket serves a room's page, or its socket, by whether the request upgrades.
func (h *Handler) roomOrSocket(w http.ResponseWriter, r *http.Request) {
	if ws.IsUpgrade(r) {
		h.sessions.ServeHTTP(w, r)
		return
	}
	room, err := chat.ParseRoom(r.PathValue("room"))
	switch {
	case err != nil:
		h.fail(w, r, err)
	case r.URL.EscapedPath() != h.roomURL(room) && r.URL.Path != h.opts.BasePath+"/room/"+room.Name+"/":
		to := h.roomURL(room)
		if r.URL.RawQuery != "" {
			to += "?" + r.URL.RawQuery
		}
		http.Redirect(w, r, to, http.StatusPermanentRedirect)
	default:
		h.roomPage(w, r, room)
	}
}

// roomPage shows the room. The messages in it are seen before any script runs, and without; what it boots from is for the script.
func (h *Handler) roomPage(w http.ResponseWriter, r *http.Request, room chat.Room) {
	topic, err := h.opts.Feed.Open(r.Context(), room.Topic, room.Name)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	defer topic.Close()
	state, events, err := h.events.Newest(r.Context(), topic, shownAtFirst, firstBytes)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	author, known := h.welcome(w, r)
	mark := chat.Mark{Author: author.ID, Room: room, Read: state.Head, Level: chat.LevelAll}
	if known {
		mark = h.visit(r.Context(), mark, addressOf(r))
	}
	h.render(w, r, http.StatusOK, "room.html", map[string]any{
		"room":     room.Name,
		"room_url": url.PathEscape(room.Name),
		"name":     givenName(r),
		"messages": messageList(events),
		"boot":     boot(author, h.events.AppendPage(nil, room.Name, state, events), mark),
	})
}

// visit returns a guest's mark in a room, which is made as given when there is none, though no oftener than an address may post. A store that doesn't answer keeps
// nobody out, and says so itself.
func (h *Handler) visit(ctx context.Context, first chat.Mark, address string) chat.Mark {
	ctx, cancel := context.WithTimeout(ctx, visitTimeout)
	defer cancel()
	mark, ok, err := h.marks.Find(ctx, first.Author, first.Room)
	if err == nil && !ok {
		if allowed, _ := h.posts.Allow(address); !allowed {
			return first
		}
		mark, err = h.marks.Open(ctx, first.Author, first.Room, first.Read)
	}
	if err != nil {
		h.opts.Logger.Debug("the visit isn't remembered", "err", err)
		return first
	}
	return mark
}

// A bootData is what a page's script begins with, so that it needn't ask.
type bootData struct {
	Me    chat.Author     `json:"me"`
	Page  jsontext.Value  `json:"page"`
	Read  eventlog.Offset `json:"read"`
	Level chat.Level      `json:"level"`
}

// inScript escapes JSON for a script element, whose text ends where it looks like the element's end.
var inScript = strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`, "\u2028", `\u2028`, "\u2029", `\u2029`)

func boot(me chat.Author, page []byte, mark chat.Mark) markup {
	return markup(inScript.Replace(string(encode(bootData{me, page, mark.Read, mark.Level}))))
}

// shell is the room's page for no room in particular: what a service worker keeps to show offline.
func (h *Handler) shell(w http.ResponseWriter, r *http.Request) {
	h.render(w, r, http.StatusOK, "room.html", map[string]any{"boot": markup("null")})
}

// postForm takes the message of the page's form, for browsers without script, and shows the page again.
func (h *Handler) postForm(w http.ResponseWriter, r *http.Request) {
	room, err := chat.ParseRoom(r.PathValue("room"))
	if err != nil {
		h.fail(w, r, err)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxFormBytes)
	if err := r.ParseForm(); err != nil {
		h.fail(w, r, bodyError(err))
		return
	}
	allowTime(w)
	// Browsers send line breaks of a form as CR LF (HTML, 4.10.22.4).
	text := strings.ReplaceAll(r.PostForm.Get("text"), "\r\n", "\n")
	author := h.author(r, r.PostForm.Get("name"))
	id := r.PostForm.Get("id")
	if id == "" {
		id = newID()
	}
	if _, err := h.postOne(r, chat.Post{Room: room, Author: author, ID: id, Text: text}); err != nil {
		h.fail(w, r, err)
		return
	}
	to := h.roomURL(room)
	if name := r.PostForm.Get("name"); name != "" {
		to += "?name=" + url.QueryEscape(name)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// lobby shows the rooms lately active, or leads to the room that was asked for.
func (h *Handler) lobby(w http.ResponseWriter, r *http.Request) {
	if name := r.URL.Query().Get("room"); name != "" {
		room, err := chat.ParseRoom(strings.TrimSpace(name))
		if err != nil {
			h.fail(w, r, err)
			return
		}
		http.Redirect(w, r, h.roomURL(room), http.StatusSeeOther)
		return
	}
	recent, err := h.recent.rooms(r.Context(), h.opts.Store)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	var b strings.Builder
	for _, a := range recent {
		b.WriteString(`<li><a dir="auto" href="` + html.EscapeString(h.roomURL(a.Room)) + `">` + html.EscapeString(a.Room.Name) + `</a></li>`)
	}
	h.render(w, r, http.StatusOK, "lobby.html", map[string]any{"rooms": markup(b.String())})
}

// recentList keeps the rooms lately active for a second: finding them reads every room's time.
type recentList struct {
	mu   sync.Mutex // held while the store is asked, so that all who wait share one answer
	list []chat.RoomActivity
	read time.Time
}

func (l *recentList) rooms(ctx context.Context, store chat.Store) ([]chat.RoomActivity, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.read) < time.Second {
		return l.list, nil
	}
	list, err := store.RecentRooms(ctx, recentRooms)
	if err != nil {
		return nil, err
	}
	l.list, l.read = list, time.Now()
	return list, nil
}

// readEvents serves poll, long-poll and SSE.
func (h *Handler) readEvents(w http.ResponseWriter, r *http.Request, room chat.Room) {
	h.events.Serve(w, r, room.Topic, room.Name)
}
