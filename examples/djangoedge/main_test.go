package main

import (
	"context"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/teahouse-chat/teahouse/examples/internal/peer"
	"github.com/teahouse-chat/teahouse/internal/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// startEdge is the program in front of an app; it ends with the test.
func startEdge(t *testing.T, app *djangoApp, redis *redistest.Server, auth string) (site string) {
	t.Helper()
	target, err := url.Parse(app.url)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	layer, err := openLayer(t.Context(), redis.URL(), false)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, listener, layer, &edge{django: target, auth: auth}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	return "http://" + listener.Addr().String()
}

func TestGoAndDjangoShareRooms(t *testing.T) {
	redis := redistest.Start(t)
	app := startDjango(t, redis)
	site := startEdge(t, app, redis, "")
	if html := peer.Get(t, site+"/room/123/"); !strings.Contains(html, "请输入") {
		t.Errorf("the page is %.80q", html)
	}
	everybody := []*peer.Peer{
		peer.Dial(t, site, "/room/123/", nil), peer.Dial(t, site, "/room/123/", nil), peer.Dial(t, app.url, "/room/123/", nil),
	}
	hear := func(text string) {
		t.Helper()
		for _, p := range everybody {
			p.Hears(text)
		}
	}
	everybody[2].Say("从 Django") // at Django itself, where nobody hears before having joined
	hear("从 Django")
	everybody[0].Say("从 Go")
	hear("从 Go")
	app.manage("say", "123", "从命令")
	hear("从命令")
}

// login logs ann in through the edge, as a browser does, and returns her cookies.
func login(t *testing.T, site string) (header http.Header, csrf string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(site)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	token := func() string {
		for _, c := range jar.Cookies(at) {
			if c.Name == "csrftoken" {
				return c.Value
			}
		}
		t.Fatal("Django gave no csrftoken")
		return ""
	}
	answer, err := client.Get(site + "/login/")
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	answer, err = client.PostForm(site+"/login/", url.Values{"username": {"ann"}, "password": {"two teas"}, "csrfmiddlewaretoken": {token()}})
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if at := answer.Request.URL.Path; at != "/room/123/" {
		t.Fatalf("after the login: %s at %s", answer.Status, at)
	}
	header = http.Header{}
	for _, c := range jar.Cookies(at) {
		header.Add("Cookie", c.String())
	}
	return http.Header{"Cookie": {strings.Join(header["Cookie"], "; ")}}, token()
}

func TestDjangoSaysWhoMayConnect(t *testing.T) {
	redis := redistest.Start(t)
	app := startDjango(t, redis)
	site := startEdge(t, app, redis, "/whoami/")
	if _, err := peer.TryDial(t, site, "/room/123/", nil); err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("a stranger: %v", err)
	}
	cookies, csrf := login(t, site)
	ann := peer.Dial(t, site, "/room/123/", cookies)

	// Sockets that Go doesn't know stay Django's, with all that its middleware does.
	hello := peer.Dial(t, site, "/hello/", cookies)
	hello.Hears("来了呀客官 ann")
	hello.Say("关闭")
	hello.IsClosed(1000)

	// A view says something.
	post, err := http.NewRequestWithContext(t.Context(), http.MethodPost, site+"/room/123/say/", strings.NewReader(url.Values{"text": {"从视图"}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	post.Header = cookies.Clone()
	post.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	post.Header.Set("X-CSRFToken", csrf)
	answer, err := http.DefaultClient.Do(post)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent {
		t.Errorf("the view answers %s", answer.Status)
	}
	ann.Hears("从视图")
}

func TestConnectionsAreRefusedWhileDjangoIsAwayAndAuthIsAsked(t *testing.T) {
	redis := redistest.Start(t)
	site := startEdge(t, &djangoApp{url: "http://127.0.0.1:1"}, redis, "/whoami/")
	if _, err := peer.TryDial(t, site, "/room/123/", nil); err == nil || !strings.Contains(err.Error(), "502") {
		t.Errorf("got %v", err)
	}
}
