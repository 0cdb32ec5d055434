package web_test

import (
	"strings"
	"testing"
)

func TestAnotherDeviceBecomesTheGuest(t *testing.T) {
	t.Parallel()
	s := open(t)
	if a := s.do("POST", "/me/passes", ""); a.StatusCode != 403 {
		t.Errorf("without a cookie: got %d %s", a.StatusCode, a.body)
	}
	ann := s.guest()
	s.fill("123", 2)
	s.get("/room/123/", "Cookie", ann)
	made := s.do("POST", "/me/passes?name=Ann%20Lee", "", "Cookie", ann)
	pass := decode[struct{ Path, Ends string }](t, made.body)
	if made.StatusCode != 201 || !strings.HasPrefix(pass.Path, "/pass/g-") || !strings.HasSuffix(pass.Path, "?name=Ann+Lee") || pass.Ends == "" {
		t.Fatalf("got %d %s", made.StatusCode, made.body)
	}
	// Looking uses nothing; who looks gets no cookie.
	for range 2 {
		if a := s.get(pass.Path, "Accept", "text/html"); a.StatusCode != 200 || !strings.Contains(a.body, "Ann Lee") || a.Header.Get("Set-Cookie") != "" {
			t.Errorf("the page: got %d %v %s", a.StatusCode, a.Header, a.body)
		}
	}
	if a := s.do("POST", pass.Path, "", "Origin", "https://evil.example"); a.StatusCode != 403 {
		t.Errorf("from another site: got %d", a.StatusCode)
	}
	used := s.do("POST", pass.Path, "")
	if used.StatusCode != 303 || used.Header.Get("Location") != "/room/123/?name=Ann+Lee" || used.guest() != ann {
		t.Errorf("used: got %d %v", used.StatusCode, used.Header)
	}
	for _, method := range []string{"GET", "POST"} {
		if a := s.do(method, pass.Path, ""); a.StatusCode != 410 || !strings.Contains(a.body, `"code":"pass_invalid"`) || a.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s once more: got %d %s", method, a.StatusCode, a.body)
		}
	}
	if a := s.get("/pass/g-x.1.y.z"); a.StatusCode != 410 {
		t.Errorf("a pass of nobody: got %d", a.StatusCode)
	}
}
