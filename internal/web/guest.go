package web

import (
	"cmp"
	"net/http"

	"github.com/teahouse-chat/teahouse/internal/chat"
)

const guestCookie = "teahouse_guest"

// author is who makes a request: the guest whom the cookie proves, else whoever goes by the name.
func (h *Handler) author(r *http.Request, name string) (a chat.Author, proved bool) {
	a = chat.NamedAuthor(name)
	if c, err := r.Cookie(guestCookie); err == nil {
		if id, ok := h.opts.Guests.Verify(c.Value); ok {
			a.ID = id
			return a, true
		}
	}
	return a, false
}

// enter admits one who will be held open, and says who it is. The caller calls release, once, when the connection ends.
func (h *Handler) enter(r *http.Request) (a chat.Author, release func(), err error) {
	a, proved := h.author(r, r.URL.Query().Get("name"))
	guest := ""
	if proved {
		guest = a.ID
	}
	release, err = h.gate.enter(addressOf(r), guest)
	return a, release, err
}

// welcome makes a guest of a browser that isn't one yet.
func (h *Handler) welcome(w http.ResponseWriter, r *http.Request) {
	if _, proved := h.author(r, ""); !proved {
		_, token := h.opts.Guests.New()
		h.setCookie(w, r, guestCookie, token)
	}
}

func (h *Handler) setCookie(w http.ResponseWriter, r *http.Request, name, value string) {
	http.SetCookie(w, &http.Cookie{
		Name:     name,
		Value:    value,
		Path:     cmp.Or(h.opts.BasePath, "/"),
		MaxAge:   365 * 24 * 3600,
		HttpOnly: true,
		SameSite: http.SameSiteLaxMode,
		Secure:   placeOf(r).scheme == "https" || h.opts.PublicURL != nil && h.opts.PublicURL.Scheme == "https",
	})
}
