//go:build linux

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// startChromium starts the headless browser that all tests share, with a fresh profile. Each tab has a context of its own in it.
var startChromium = sync.OnceValues(func() (context.Context, error) {
	exe, err := exec.LookPath("chromium")
	if err != nil {
		return nil, err
	}
	profile, err := os.MkdirTemp("", "teahouse-e2e-chromium-")
	if err != nil {
		return nil, err
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(exe),
		chromedp.UserDataDir(profile),
		chromedp.NoSandbox, // the tests may run as root
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		// A headless browser has no mouse unless it is told so; a phone's touch is emulated.
		chromedp.Flag("blink-settings", "primaryPointerType=4,availablePointerTypes=4,primaryHoverType=2,availableHoverTypes=2"),
		chromedp.WindowSize(480, 720),
		chromedp.WSURLReadTimeout(60*time.Second),
	)
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, cancelBrowser := chromedp.NewContext(ctx)
	stopChromium = func() {
		cancelBrowser()
		cancel()
		_ = os.RemoveAll(profile) // the system's temporary folder is swept anyway
	}
	return ctx, chromedp.Do(ctx)
})

var stopChromium = func() {}

func chromium(t *testing.T) context.Context {
	t.Helper()
	ctx, err := startChromium()
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("no chromium: apt-get install chromium")
	}
	if err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	return ctx
}

// A tab is a page in a browser context of its own: other cookies, other storage, like another person's browser.
type tab struct {
	t    *testing.T
	ctx  context.Context
	lang string

	device string   // the one it is, by its name
	found  []string // what axe said already

	mu       sync.Mutex
	requests []string // URLs
	problems []string // what the console said
	expected []string // parts of what it may say
}

func openTab(t *testing.T, browser context.Context, lang string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	return newTab(t, ctx, cancel, lang)
}

func newTab(t *testing.T, ctx context.Context, cancel context.CancelFunc, lang string) *tab {
	t.Helper()
	p := &tab{t: t, ctx: ctx, lang: lang}
	t.Cleanup(cancel)
	agent, err := chromedp.Run(ctx, chromedp.Evaluate[string](`navigator.userAgent`))
	if err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	if err := chromedp.Listen(ctx, p.event); err != nil {
		t.Fatal(err)
	}
	// Debian's chromium may enable none of these domains by itself.
	call(p, network.Enable, network.EnableParams{})
	call(p, cdplog.Enable, cdp.Empty{})
	call(p, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: agent, AcceptLanguage: lang})
	return p
}

// event keeps what the page asked for and complained about.
func (p *tab) event(e any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := e.(type) {
	case *network.EventRequestWillBeSent:
		p.requests = append(p.requests, e.Request.URL)
	case *network.EventWebSocketCreated:
		p.requests = append(p.requests, e.URL)
	case *runtime.EventExceptionThrown:
		p.problems = append(p.problems, "exception: "+asJSON(e.ExceptionDetails))
	case *runtime.EventConsoleAPICalled:
		p.problems = append(p.problems, "console."+string(e.Type)+": "+asJSON(e.Args))
	case *cdplog.EventEntryAdded:
		if !slices.ContainsFunc(p.expected, func(part string) bool { return strings.Contains(e.Entry.Text, part) }) {
			p.problems = append(p.problems, fmt.Sprintf("%s %s: %s (%s)", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL))
		}
	}
}

func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("%+v", v)
	}
	return string(b)
}

// serverIsAway says that failing connections are to be expected from now on.
func (p *tab) serverIsAway() { p.expect("net::ERR_", "WebSocket connection to") }

// expect says what the console may say from now on: messages that have one of these parts.
func (p *tab) expect(parts ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expected = append(p.expected, parts...)
}

// checkQuiet fails when the console has complaints, of a violated CSP among others, or a request left the server's origin.
func (p *tab) checkQuiet(s *teahouse) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, problem := range p.problems {
		p.t.Errorf("the console (%s): %s", p.lang, problem)
	}
	own, err := url.Parse(s.room)
	if err != nil {
		p.t.Fatal(err)
	}
	if len(p.requests) == 0 {
		p.t.Error("no request of the page was seen: does the test still look?")
	}
	for _, r := range p.requests {
		if u, err := url.Parse(r); err != nil || u.Scheme != "blob" && u.Scheme != "data" && u.Host != own.Host {
			p.t.Errorf("the page asked for %s", r)
		}
	}
}

// call runs one command of the browser's protocol.
func call[P, R any](p *tab, cmd cdp.Command[P, R], params P) R {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 30*time.Second)
	defer cancel()
	r, err := chromedp.Call(ctx, cmd, params)
	if err != nil {
		p.t.Fatalf("%v: %v", cmd, err)
	}
	return r
}

// do runs actions in the page.
func (p *tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 30*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatalf("%s: %v", what, err)
	}
}

// look evaluates an expression in the page; JSON decides what it becomes.
func look[T any](p *tab, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 30*time.Second)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// await polls an expression until it is true; one that is undefined, since an element isn't there yet, isn't.
func (p *tab) await(within time.Duration, what, expression string) {
	p.t.Helper()
	deadline := time.Now().Add(within)
	for !look[bool](p, "("+expression+") === true") {
		if time.Now().After(deadline) {
			p.t.Fatalf("after %v still not: %s (%s); the page says:\n%s", within, what, p.lang, look[string](p, `document.body.innerText.slice(-2000)`))
		}
		time.Sleep(30 * time.Millisecond)
	}
}

func (p *tab) open(url string) {
	p.t.Helper()
	p.do("open "+url, chromedp.Navigate(url))
}

// state waits until the page says that its connection is in this state.
func (p *tab) state(want string) {
	p.t.Helper()
	p.await(20*time.Second, "the state is "+want, fmt.Sprintf(`document.querySelector("#state").dataset.state === %q`, want))
}

// awaitPeople waits until the page says that so many are here.
func (p *tab) awaitPeople(n int) {
	p.t.Helper()
	p.await(10*time.Second, fmt.Sprintf("%d are here", n), fmt.Sprintf(`!document.querySelector("#people").hidden && parseInt(document.querySelector("#people").textContent) === %d`, n))
}

// texts are the messages that have an offset, in the page's order.
func (p *tab) texts() []string {
	p.t.Helper()
	return look[[]string](p, `[...document.querySelectorAll("#messages li[data-offset] .text")].map(e => {
		const text = e.cloneNode(true)
		text.querySelectorAll("br").forEach(b => b.replaceWith("\n"))
		return text.textContent
	})`)
}

// awaitTexts waits until the messages are just these.
func (p *tab) awaitTexts(want ...string) {
	p.t.Helper()
	b, err := json.Marshal(want)
	if err != nil {
		p.t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		got := p.texts()
		if asJSON(got) == string(b) {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("the page (%s) shows\n%s, want\n%s", p.lang, asJSON(got), b)
		}
		time.Sleep(30 * time.Millisecond)
	}
}

// write puts a text into the field as from a keyboard, without sending it.
func (p *tab) write(text string) {
	p.t.Helper()
	p.do("focus", chromedp.Focus(chromedp.CSS("#text")))
	call(p, input.InsertText, input.InsertTextParams{Text: text})
}

// say writes a text and sends it by Enter.
func (p *tab) say(text string) {
	p.t.Helper()
	p.write(text)
	p.key("Enter", 13)
}

// key presses and releases a key. Code 229 is what an input method makes of a key.
func (p *tab) key(key string, code int64) {
	p.t.Helper()
	down := input.DispatchKeyEventParams{Type: "rawKeyDown", Key: key, Code: key, WindowsVirtualKeyCode: code}
	if code == 13 {
		down.Type, down.Text = "keyDown", "\r"
	}
	call(p, input.DispatchKeyEvent, down)
	call(p, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: "keyUp", Key: key, Code: key, WindowsVirtualKeyCode: code})
}

func (p *tab) click(selector string) {
	p.t.Helper()
	p.do("click "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// name sets the nickname as one does: writes it and leaves the field.
func (p *tab) name(name string) {
	p.t.Helper()
	p.do("focus", chromedp.Focus(chromedp.CSS("#name")))
	look[bool](p, `document.querySelector("#name").select(), true`)
	call(p, input.InsertText, input.InsertTextParams{Text: name})
	p.do("leave the field", chromedp.Focus(chromedp.CSS("#text")))
}

// photo takes a picture of the page.
func (p *tab) photo() []byte {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 30*time.Second)
	defer cancel()
	b, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Fatalf("screenshot: %v", err)
	}
	return b
}

// shotsEnv names a folder that pictures for the README are put into.
const shotsEnv = "TEAHOUSE_E2E_SHOTS"

func shotsFolder(t *testing.T) string {
	t.Helper()
	dir := os.Getenv(shotsEnv)
	if dir == "" {
		return t.ArtifactDir()
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
