package web

import (
	"net/http"
	"net/url"

	"github.com/teahouse-chat/teahouse/internal/chat"
)

// makePass makes a link by which another device becomes the guest who asks.
func (h *Handler) makePass(w http.ResponseWriter, r *http.Request) {
	author := h.named(r)
	if !author.Proved() {
		h.fail(w, r, errGuest)
		return
	}
	pass, ends := h.passes.New(author.ID)
	path := h.opts.BasePath + "/pass/" + pass
	if name := r.URL.Query().Get("name"); name != "" {
		path += "?name=" + url.QueryEscape(author.Name)
	}
	writeJSON(w, http.StatusCreated, encode(struct {
		Path string `json:"path"`
		Ends string `json:"ends"`
	}{path, chat.FormatTime(ends)}))
}

// passPage asks whether to become the guest of the pass. Only the answer uses the pass, since programs that show what is behind a link look at it too.
func (h *Handler) passPage(w http.ResponseWriter, r *http.Request) {
	if !h.passes.Good(r.PathValue("pass")) {
		h.fail(w, r, errPass)
		return
	}
	h.render(w, r, http.StatusOK, "pass.html", map[string]any{"name": givenName(r)})
}

// usePass makes a browser the guest of the pass, and leads to the lobby, or to the room that the guest was in last.
func (h *Handler) usePass(w http.ResponseWriter, r *http.Request) {
	id, token, ok := h.passes.Use(r.PathValue("pass"))
	if !ok {
		h.fail(w, r, errPass)
		return
	}
	h.setCookie(w, r, guestCookie, token)
	to := h.opts.BasePath + "/"
	if rooms, err := h.marks.Rooms(r.Context(), id, 1); err == nil && len(rooms) > 0 { // without the store there is still the lobby
		to = h.roomURL(rooms[0].Room)
		if name := givenName(r); name != "" {
			to += "?name=" + url.QueryEscape(name)
		}
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// givenName is the name in the request's query, "" for none.
func givenName(r *http.Request) string {
	if given := r.URL.Query().Get("name"); given != "" {
		return chat.DisplayName(given)
	}
	return ""
}
