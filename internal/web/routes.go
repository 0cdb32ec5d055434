package web

import (
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/teahouse-chat/teahouse/internal/chat"
)

// routes is every URL.
func (h *Handler) routes() http.Handler {
	mux := http.NewServeMux()
	handle := func(path string, m methods) { mux.Handle(h.opts.BasePath+path, h.methods(m)) }

	handle("/{$}", methods{"GET": h.lobby})
	handle("/room/{room}", methods{"GET": h.roomOrSocket, "POST": h.postForm})
	handle("/room/{room}/{$}", methods{"GET": h.roomOrSocket, "POST": h.postForm})
	handle("/room/{room}/events", methods{"GET": h.inRoom(h.readEvents)})
	handle("/room/{room}/messages", methods{"POST": h.inRoom(h.postMessage)})
	handle("/room/{room}/messages/{offset}", methods{"PATCH": h.inRoom(h.editMessage), "DELETE": h.inRoom(h.deleteMessage)})
	handle("/room/{room}/messages/{offset}/reactions/{emoji}", methods{"PUT": h.inRoom(h.react(true)), "DELETE": h.inRoom(h.react(false))})
	handle("/me", methods{"GET": h.me})
	handle("/me/passes", methods{"POST": h.makePass})
	handle("/pass/{pass}", methods{"GET": h.passPage, "POST": h.usePass})
	handle("/me/rooms", methods{"GET": h.myRooms})
	handle("/me/rooms/{room}", methods{"PUT": h.inRoom(h.putMark), "DELETE": h.inRoom(h.dropMark)})
	handle("/ws", methods{"GET": h.sessions.ServeHTTP})
	handle("/static/{file}", methods{"GET": h.static})
	handle("/favicon.ico", methods{"GET": h.icon}) // browsers ask for it beside what isn't a page
	handle("/shell", methods{"GET": h.shell})
	handle("/manifest.webmanifest", methods{"GET": h.manifest})
	handle("/sw.js", methods{"GET": h.serviceWorker})
	handle("/healthz", methods{"GET": h.healthz})
	handle("/readyz", methods{"GET": h.readyz})
	handle("/metrics", methods{"GET": promhttp.HandlerFor(h.opts.Metrics, promhttp.HandlerOpts{}).ServeHTTP})
	if base := h.opts.BasePath; base != "" {
		mux.Handle(base, http.RedirectHandler(base+"/", http.StatusPermanentRedirect))
	}
	mux.HandleFunc("/", h.notFound)
	return mux
}

// methods are the handlers of one URL. GET serves HEAD as well.
type methods map[string]http.HandlerFunc

func (h *Handler) methods(m methods) http.Handler {
	var allow []string
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
		if m[method] != nil || method == "HEAD" && m["GET"] != nil {
			allow = append(allow, method)
		}
	}
	allowed := strings.Join(append(allow, "OPTIONS"), ", ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		if serve := m[method]; serve != nil {
			serve(w, r)
			return
		}
		w.Header().Set("Allow", allowed)
		if method == http.MethodOptions {
			h.origins.preflight(w, allowed)
			return
		}
		h.fail(w, r, errMethod)
	})
}

// inRoom passes the room that the URL names.
func (h *Handler) inRoom(serve func(http.ResponseWriter, *http.Request, chat.Room)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		room, err := chat.ParseRoom(r.PathValue("room"))
		if err != nil {
			h.fail(w, r, err)
			return
		}
		serve(w, r, room)
	}
}

func (h *Handler) notFound(w http.ResponseWriter, r *http.Request) { h.fail(w, r, errNotFound) }

func (h *Handler) healthz(w http.ResponseWriter, _ *http.Request) { writeText(w, "ok\n") }

func (h *Handler) readyz(w http.ResponseWriter, r *http.Request) {
	if h.going.Err() != nil {
		h.fail(w, r, errGoing)
		return
	}
	if err := h.opts.Ready(r.Context()); err != nil {
		h.fail(w, r, errNotReady)
		return
	}
	writeText(w, "ok\n")
}

func writeText(w http.ResponseWriter, s string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte(s)) // a client that has gone needs no answer
}
