package web

import (
	"cmp"
	"net/http"

	"github.com/teahouse-chat/teahouse/internal/chat"
)

const guestCookie = "teahouse_guest"

// author is who makes a request: the guest whom the cookie proves, else whoever goes by the name.
func (h *Handler) author(r *http.Request, name string) chat.Author {
	a := chat.NamedAuthor(name)
	a.Hue = chat.ParseHue(r.URL.Query().Get("hue"))
	if c, err := r.Cookie(guestCookie); err == nil {
		if id, ok := h.opts.Guests.Verify(c.Value); ok {
			a.ID = id
		}
	}
	return a
}

// enter admits one who will be held open, and says who it is. The caller calls the gate's leave, once, when the connection ends.
func (h *Handler) enter(r *http.Request) (chat.Author, error) {
	a := h.named(r)
	return a, h.gate.enter(addressOf(r), a)
}

// named is author by the name in the request's query.
func (h *Handler) named(r *http.Request) chat.Author {
	return h.author(r, r.URL.Query().Get("name"))
}

// welcome makes a guest of a browser that isn't one yet. known is false for one that is new.
func (h *Handler) welcome(w http.ResponseWriter, r *http.Request) (a chat.Author, known bool) {
	a = h.named(r)
	known = a.Proved()
	if !known {
		id, token := h.opts.Guests.New()
		h.setCookie(w, r, guestCookie, token)
		a.ID = id
	}
	return a, known
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
