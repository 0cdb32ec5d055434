package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/klauspost/compress/gzip"
	"golang.org/x/text/language"
)

// pages are the templates, the catalogues and the static files of the page, ready to serve. They don't change after newPages.
type pages struct {
	version   string // of all files together, for their URLs
	templates map[string]template
	catalogs  map[string]map[string]string // by language
	files     map[string]staticFile
}

// languages that the page speaks, as in <html lang>; the first is what others get.
var languages = []string{"en", "zh-CN"}

var catalogFiles = map[string]string{"en": "en.json", "zh-CN": "zh.json"}

type staticFile struct {
	bytes, zipped []byte
	mime          string
	etag          string
}

// newPages reads a built page. What it lacks is answered with 404.
func newPages(dist fs.FS) (*pages, error) {
	p := &pages{templates: map[string]template{}, catalogs: map[string]map[string]string{}, files: map[string]staticFile{}}
	hash := sha256.New()
	z, err := gzip.NewWriterLevel(nil, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	err = fs.WalkDir(dist, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(dist, name)
		if err != nil {
			return err
		}
		hash.Write(b)
		if path.Ext(name) == ".html" || name == manifestFile {
			p.templates[name] = parseTemplate(string(b))
			return nil
		}
		p.files[name], err = newStaticFile(name, b, z)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the built page: %w", err)
	}
	for lang, file := range catalogFiles {
		var c map[string]string
		if err := json.Unmarshal(p.files[file].bytes, &c); err != nil {
			return nil, fmt.Errorf("read the catalogue %s: %w", file, err)
		}
		p.catalogs[lang] = c
	}
	p.version = hex.EncodeToString(hash.Sum(nil))[:12]
	return p, nil
}

// newStaticFile makes a file ready to serve. z packs it: one for all, since each has more than a megabyte of its own.
func newStaticFile(name string, b []byte, z *gzip.Writer) (staticFile, error) {
	sum := sha256.Sum256(b)
	f := staticFile{bytes: b, mime: mime.TypeByExtension(path.Ext(name)), etag: `"` + hex.EncodeToString(sum[:8]) + `"`}
	if f.mime == "" {
		f.mime = "application/octet-stream"
	}
	var buf bytes.Buffer
	z.Reset(&buf)
	if _, err := z.Write(b); err != nil {
		return f, err
	}
	if err := z.Close(); err != nil {
		return f, err
	}
	if buf.Len() < len(b) {
		f.zipped = buf.Bytes()
	}
	return f, nil
}

// static serves a file of the page. Its URL names the version, so a browser need never ask again.
func (h *Handler) static(w http.ResponseWriter, r *http.Request) { h.file(w, r, r.PathValue("file")) }

// serviceWorker serves the page's worker where it may have all of it in its care.
func (h *Handler) serviceWorker(w http.ResponseWriter, r *http.Request) { h.file(w, r, "sw.js") }

func (h *Handler) file(w http.ResponseWriter, r *http.Request, name string) {
	f, ok := h.pages.files[name]
	if !ok {
		h.fail(w, r, errNotFound)
		return
	}
	head := w.Header()
	head.Set("Content-Type", f.mime)
	head.Set("ETag", f.etag)
	head.Add("Vary", "Accept-Encoding")
	head.Set("Cache-Control", "no-cache")
	if r.URL.Query().Get("v") == h.pages.version {
		head.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if strings.Contains(r.Header.Get("If-None-Match"), f.etag) { // one of a list, or weakened by a proxy
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := f.bytes
	if f.zipped != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		head.Set("Content-Encoding", "gzip")
		body = f.zipped
	}
	_, _ = w.Write(body) // a client that has gone needs no answer
}

// icon leads to the icon from where browsers look for one unasked.
func (h *Handler) icon(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, h.opts.BasePath+"/static/icon.svg?v="+h.pages.version, http.StatusFound)
}

// A template is a page's text, cut at its placeholders: {{name}} is a value, {{t:key}} a text of the catalogue.
type template []piece

type piece struct{ text, placeholder string }

func parseTemplate(s string) template {
	var t template
	for {
		text, rest, found := strings.Cut(s, "{{")
		name, after, closed := strings.Cut(rest, "}}")
		if !found || !closed {
			return append(t, piece{text: s})
		}
		t = append(t, piece{text, name})
		s = after
	}
}

// markup is HTML that is escaped already.
type markup string

// render answers with a page. Values are escaped, but for those that are markup.
func (h *Handler) render(w http.ResponseWriter, r *http.Request, status int, name string, values map[string]any) {
	if lang := h.language(r); r.URL.Query().Get("lang") == lang {
		h.setCookie(w, r, languageCookie, lang)
	}
	page := h.fill(r, name, values, html.EscapeString)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Add("Vary", "Accept-Language, Cookie")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(page)) // a client that has gone needs no answer
}

// fill puts values and the texts of the visitor's language into a template.
func (h *Handler) fill(r *http.Request, name string, values map[string]any, escape func(string) string) string {
	lang := h.language(r)
	catalog := h.pages.catalogs[lang]
	values["lang"], values["base"], values["v"] = lang, h.opts.BasePath, h.pages.version
	var b strings.Builder
	for _, p := range h.pages.templates[name] {
		b.WriteString(p.text)
		if key, ok := strings.CutPrefix(p.placeholder, "t:"); ok {
			b.WriteString(escape(catalog[key]))
			continue
		}
		switch v := values[p.placeholder].(type) {
		case markup:
			b.WriteString(string(v))
		case nil:
		default:
			b.WriteString(escape(fmt.Sprint(v)))
		}
	}
	return b.String()
}

const manifestFile = "manifest.webmanifest"

// manifest says how the page is installed, in the visitor's language.
func (h *Handler) manifest(w http.ResponseWriter, r *http.Request) {
	if h.pages.templates[manifestFile] == nil {
		h.fail(w, r, errNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/manifest+json")
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Add("Vary", "Accept-Language, Cookie")
	_, _ = w.Write([]byte(h.fill(r, manifestFile, map[string]any{}, inJSON))) // a client that has gone needs no answer
}

// inJSON escapes what stands within a string of JSON.
func inJSON(s string) string {
	b, _ := jsontext.AppendQuote(nil, s) // invalid UTF-8 is replaced
	return string(b[1 : len(b)-1])
}

const languageCookie = "teahouse_lang"

// language is the one that the visitor chose, else the best of what the browser accepts.
func (h *Handler) language(r *http.Request) string {
	if chosen := r.URL.Query().Get("lang"); h.pages.catalogs[chosen] != nil {
		return chosen
	}
	if c, err := r.Cookie(languageCookie); err == nil && h.pages.catalogs[c.Value] != nil {
		return c.Value
	}
	tags, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err != nil {
		return languages[0]
	}
	for _, tag := range tags { // the best liked first
		base, _ := tag.Base()
		for _, lang := range languages {
			if own, _, _ := strings.Cut(lang, "-"); own == base.String() {
				return lang
			}
		}
	}
	return languages[0]
}

// errorPage shows a person what is wrong and where to go.
func (h *Handler) errorPage(w http.ResponseWriter, r *http.Request, p problem) {
	catalog := h.pages.catalogs[h.language(r)]
	say := func(key, otherwise string) string {
		if s := catalog[key]; s != "" {
			return s
		}
		return otherwise
	}
	values := map[string]any{
		"status": p.status,
		"title":  say("problem.title."+p.code, http.StatusText(p.status)),
		"detail": say("problem."+p.code, p.detail),
	}
	if p == roomProblem {
		room := nearestRoom(r)
		values["suggestion"], values["suggestion_url"] = room.Name, h.roomURL(room)
	}
	h.render(w, r, p.status, "error.html", values)
}

// tooBig reports whether a body was longer than http.MaxBytesReader let it be.
func tooBig(err error) bool {
	var e *http.MaxBytesError
	return errors.As(err, &e)
}
