package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestOtherSpellingsOfARoomRedirectToItsURL(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"", "/chat"} {
		s := open(t, withBase(base))
		for _, c := range []struct{ path, want string }{
			{"/room/123", "/room/123/"},
			{"/room/123?after=1&x=%20", "/room/123/?after=1&x=%20"},
			{"/room/ABC/", "/room/abc/"},
			{"/room/ABC?a", "/room/abc/?a"},
			{"/room/%C3%84rger/", "/room/%C3%A4rger/"},
			{"/room/e%CC%81/", "/room/%C3%A9/"},
			{"/room/%E8%8C%B6%E9%A6%86", "/room/%E8%8C%B6%E9%A6%86/"},
			{"/room/%E2%84%AAelvin/", "/room/kelvin/"},
		} {
			for _, method := range []string{"GET", "HEAD"} {
				a := s.do(method, base+c.path, "", "Accept", "text/html")
				if a.StatusCode != 308 || a.Header.Get("Location") != base+c.want {
					t.Errorf("%s %s: got %d to %s, want %s", method, base+c.path, a.StatusCode, a.Header.Get("Location"), base+c.want)
				}
			}
		}
		for _, path := range []string{"/room/123/", "/room/%E8%8C%B6/", "/room/茶/", "/room/%31/", "/room/a-b_c.d/", "/room/" + strings.Repeat("a", 64) + "/"} {
			if a := s.get(base + path); a.StatusCode != 200 || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
				t.Errorf("%s: got %d %s", base+path, a.StatusCode, a.Header.Get("Location"))
			}
		}
	}
}

func TestPostsPollsAndStreamsAtOtherSpellingsAreServedAsIs(t *testing.T) {
	t.Parallel()
	s := open(t)
	if a := s.do("POST", "/room/%C3%84B/messages", "hi"); a.StatusCode != 201 {
		t.Errorf("post: got %d", a.StatusCode)
	}
	for _, room := range []string{"%C3%A4b", "A%CC%88B", "%C3%84b"} {
		p := decode[page](t, s.get("/room/"+room+"/events").body)
		if p.Room != "äb" || p.texts() != "hi" {
			t.Errorf("%s: got %v", room, p)
		}
		s.stream("/room/"+room+"/events?after=0").wantTexts(s.feed.Epoch(), 0, "hi")
	}
	if a := s.do("POST", "/room/%C3%84B", "text=form", "Content-Type", asForm); a.StatusCode != 303 || a.Header.Get("Location") != "/room/%C3%A4b/" {
		t.Errorf("form: got %d to %s", a.StatusCode, a.Header.Get("Location"))
	}
}

func TestNameThatIsNoRoomGetsAPageThatOffersTheNearest(t *testing.T) {
	t.Parallel()
	s := open(t, withBase("/chat"))
	for _, c := range []struct{ path, nearest string }{
		{"/room/.hidden/", "hidden"},
		{"/room/tea%20house/", "tea-house"},
		{"/room/a%2Fb/", "ab"},
		{"/room/%3Cscript%3E/", "script"},
		{"/room/%FF/", "lobby"},
		{"/room/a%00b/", "ab"},
		{"/room/%F0%9F%8D%B5/", "lobby"},
		{"/room/" + strings.Repeat("A", 65) + "/", strings.Repeat("a", 64)},
		{"/?room=tea+house!", "tea-house"},
	} {
		a := s.get("/chat"+c.path, "Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
		link := `href="/chat/room/` + url.PathEscape(c.nearest) + `/"`
		if a.StatusCode != 404 || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") || !strings.Contains(a.body, link) {
			t.Errorf("%s: got %d %s without %s", c.path, a.StatusCode, a.body, link)
		}
	}
	if a := s.get("/chat/nothing/here", "Accept", "text/html"); a.StatusCode != 404 || !strings.Contains(a.body, `id="suggestion" href=""`) {
		t.Errorf("a page that isn't a room's: got %d %s, want no suggestion", a.StatusCode, a.body)
	}
	for _, path := range []string{"/room/.hidden/", "/room/.hidden/events", "/room/a!b"} {
		wantProblem(t, path, s.get("/chat"+path), 404, "room_invalid")
	}
	wantProblem(t, "a post", s.do("POST", "/chat/room/a!b/messages", "hi"), 404, "room_invalid")
	for _, path := range []string{"/", "/room/123/", "/chat/room", "/chat/room/", "/chat/room/123/x", "/chat/static/none.js", "/chatter"} {
		wantProblem(t, path, s.get(path), 404, "not_found")
	}
	if a := s.get("/chat"); a.StatusCode != 308 || a.Header.Get("Location") != "/chat/" {
		t.Errorf("/chat: got %d to %s", a.StatusCode, a.Header.Get("Location"))
	}
}

func TestLobbyOpensARoomByNameAndListsThoseLatelyActive(t *testing.T) {
	t.Parallel()
	s := open(t, withBase("/chat"))
	s.do("POST", "/chat/room/茶馆/messages", "hi")
	if a := s.get("/chat/"); a.StatusCode != 200 || !strings.Contains(a.body, `href="/chat/room/%E8%8C%B6%E9%A6%86/"`) || !strings.Contains(a.body, "茶馆") {
		t.Errorf("got %d %s", a.StatusCode, a.body)
	}
	if a := s.get("/chat/?room=+Tea+"); a.StatusCode != 303 || a.Header.Get("Location") != "/chat/room/tea/" {
		t.Errorf("got %d to %s", a.StatusCode, a.Header.Get("Location"))
	}
	wantProblem(t, "no name of a room", s.get("/chat/?room=a%2Fb"), 404, "room_invalid")
}

func TestPageSpeaksTheVisitorsLanguage(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, c := range []struct{ query, accept, cookie, want string }{
		{"", "", "", "en"},
		{"", "zh-CN,zh;q=0.9,en;q=0.8", "", "zh-CN"},
		{"", "zh", "", "zh-CN"},
		{"", "de-DE, fr;q=0.5", "", "en"},
		{"", "en-GB", "", "en"},
		{"", "\x01;;=", "", "en"},
		{"?lang=zh-CN", "en", "", "zh-CN"},
		{"?lang=xx", "zh", "", "zh-CN"},
		{"", "en", "teahouse_lang=zh-CN", "zh-CN"},
		{"", "zh", "teahouse_lang=../../etc", "zh-CN"},
		{"?lang=en", "zh", "teahouse_lang=zh-CN", "en"},
	} {
		for _, path := range []string{"/", "/room/123/", "/nothing"} {
			headers := []string{"Accept", "text/html"}
			if c.accept != "" && c.accept[0] != 1 {
				headers = append(headers, "Accept-Language", c.accept)
			}
			if c.cookie != "" {
				headers = append(headers, "Cookie", c.cookie)
			}
			a := s.get(path+c.query, headers...)
			if !strings.Contains(a.body, `<html lang="`+c.want+`">`) {
				t.Errorf("%s %+v: got %.60s", path, c, a.body)
			}
			if n := strings.Count(strings.Join(a.Header["Set-Cookie"], "\n"), "teahouse_lang="+c.want); (n == 1) != (c.query == "?lang="+c.want) || n > 1 {
				t.Errorf("%s %+v: %d language cookies", path, c, n)
			}
			if strings.Contains(a.body, "{{") {
				t.Errorf("%s: a placeholder is left: %s", path, a.body)
			}
		}
	}
}

func TestCookiesAreBoundToTheServerAndItsPath(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what   string
		opts   []setting
		base   string
		path   string
		secure bool
	}{
		{"plain", nil, "", "/", false},
		{"under a path", []setting{withBase("/chat")}, "/chat", "/chat", false},
		{"TLS", []setting{withTLS}, "", "/", true},
	} {
		s := open(t, c.opts...)
		a := s.get(c.base + "/room/123/?lang=en")
		if len(a.Cookies()) != 2 {
			t.Errorf("%s: got %v", c.what, a.Header["Set-Cookie"])
		}
		for _, k := range a.Cookies() {
			if k.Path != c.path || !k.HttpOnly || k.SameSite != http.SameSiteLaxMode || k.Secure != c.secure || k.Domain != "" || k.MaxAge < 30*24*3600 {
				t.Errorf("%s: got %s", c.what, k.Raw)
			}
		}
		if hsts := a.Header.Get("Strict-Transport-Security"); (hsts != "") != c.secure {
			t.Errorf("%s: HSTS %q", c.what, hsts)
		}
		if again := s.get(c.base+"/room/123/", "Cookie", a.Cookies()[0].Name+"="+a.Cookies()[0].Value, "Cookie", a.Cookies()[1].Name+"="+a.Cookies()[1].Value); len(again.Cookies()) != 0 {
			t.Errorf("%s: a guest gets another cookie: %v", c.what, again.Header["Set-Cookie"])
		}
	}
}

func TestStaticFilesAreKeptByTheBrowserOnlyUnderTheirVersion(t *testing.T) {
	t.Parallel()
	s := open(t, withBase("/chat"))
	html := s.get("/chat/room/123/").body
	_, rest, _ := strings.Cut(html, `src="/chat/static/app.js`)
	query, _, _ := strings.Cut(rest, `"`)
	a := s.get("/chat/static/app.js"+query, "Accept-Encoding", "gzip, br")
	etag := a.Header.Get("ETag")
	if a.StatusCode != 200 || a.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" || a.Header.Get("Content-Encoding") != "gzip" ||
		!strings.Contains(strings.Join(a.Header["Vary"], ","), "Accept-Encoding") || etag == "" || !strings.HasPrefix(a.body, "\x1f\x8b") {
		t.Errorf("got %d %v", a.StatusCode, a.Header)
	}
	if ct := a.Header.Get("Content-Type"); !strings.Contains(ct, "javascript") {
		t.Errorf("got the type %s", ct)
	}
	plain := s.get("/chat/static/app.js", "Accept-Encoding", "identity")
	if plain.StatusCode != 200 || plain.Header.Get("Cache-Control") != "no-cache" || plain.Header.Get("Content-Encoding") != "" || len(plain.body) <= len(a.body) {
		t.Errorf("got %d %v", plain.StatusCode, plain.Header)
	}
	for _, given := range []string{etag, "W/" + etag, `"x", ` + etag} {
		if b := s.get("/chat/static/app.js", "If-None-Match", given); b.StatusCode != 304 || b.body != "" || b.Header.Get("ETag") != etag {
			t.Errorf("%s: got %d", given, b.StatusCode)
		}
	}
	for _, a := range []answer{a, plain} {
		if len(a.Header["Set-Cookie"]) > 0 {
			t.Errorf("a static file sets a cookie: %v", a.Header)
		}
	}
	if a := s.get("/chat/static/room.html"); a.StatusCode != 404 {
		t.Errorf("the template is served: %d", a.StatusCode)
	}
}
