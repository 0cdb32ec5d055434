//go:build linux

package e2e

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// A device is what a page is looked at with.
type device struct {
	name          string
	width, height int64
	scale         float64
	touch         bool
}

var (
	phone = device{"phone", 390, 844, 2, true}
	desk  = device{"desk", 1280, 800, 1, false}
)

// use makes the tab's window that of a device.
func (p *tab) use(d device) {
	p.t.Helper()
	options := []chromedp.EmulateViewportOption{chromedp.EmulateScale(d.scale)}
	if d.touch {
		options = append(options, chromedp.EmulateMobile, chromedp.EmulateTouch)
	}
	p.device = d.name
	p.do("be a "+d.name, chromedp.EmulateViewport(d.width, d.height, options...))
}

// media sets features like prefers-color-scheme: pairs of a name and a value.
func (p *tab) media(pairs ...string) {
	p.t.Helper()
	var features []*emulation.MediaFeature
	for i := 0; i+1 < len(pairs); i += 2 {
		features = append(features, &emulation.MediaFeature{Name: pairs[i], Value: pairs[i+1]})
	}
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features})
}

// another opens a second tab of the same person: the same cookies and storage.
func (p *tab) another() *tab {
	p.t.Helper()
	ctx, cancel := chromedp.NewContext(p.ctx, chromedp.WithExistingBrowserContext(chromedp.FromContext(p.ctx).BrowserContextID))
	return newTab(p.t, ctx, cancel, p.lang)
}

func (p *tab) reload() {
	p.t.Helper()
	p.do("reload", chromedp.Reload())
}

// believes sets what the browser tells the page of the network; it goes on working. A proxy is what breaks it.
func (p *tab) believes(offline bool) {
	p.t.Helper()
	call(p, network.OverrideNetworkState, network.OverrideNetworkStateParams{Offline: offline, DownloadThroughput: -1, UploadThroughput: -1})
}

// freeze puts the tab to sleep, as a phone does with one in the background: no timer, no event, no frame runs.
func (p *tab) freeze() {
	p.t.Helper()
	call(p, page.SetWebLifecycleState, page.SetWebLifecycleStateParams{State: "frozen"})
}

func (p *tab) resume() {
	p.t.Helper()
	call(p, page.SetWebLifecycleState, page.SetWebLifecycleStateParams{State: "active"})
}

// A box is where an element is, in CSS pixels of the window.
type box struct{ X, Y, Width, Height float64 }

// box measures the first element of a selector.
func (p *tab) box(selector string) box {
	p.t.Helper()
	p.await(10*time.Second, selector+" is there", fmt.Sprintf(`!!document.querySelector(%q)`, selector))
	return look[box](p, fmt.Sprintf(`(() => {
		const e = document.querySelector(%q)
		e.scrollIntoView({ block: "nearest", behavior: "instant" })
		return e.getBoundingClientRect().toJSON()
	})()`, selector))
}

// hover moves the mouse over an element, without pressing it.
func (p *tab) hover(selector string) {
	p.t.Helper()
	b := p.box(selector)
	call(p, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: "mouseMoved", X: b.X + b.Width/2, Y: b.Y + b.Height/2})
}

func (p *tab) tap(selector string) {
	p.t.Helper()
	p.do("tap "+selector, chromedp.Tap(chromedp.CSS(selector)))
}

// wheel turns the mouse's wheel over an element; down is positive. The browser wants to be told of both directions, and nothing isn't sent.
func (p *tab) wheel(selector string, pixels float64) {
	p.t.Helper()
	b := p.box(selector)
	call(p, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: "mouseWheel", X: b.X + b.Width/2, Y: b.Y + b.Height/2, DeltaX: 0.01, DeltaY: pixels})
}

// Modifiers of press.
const (
	alt   = 1
	ctrl  = 2
	shift = 8
)

var keyCodes = map[string]int64{
	"Enter": 13, "Escape": 27, "Tab": 9, "Backspace": 8, "ArrowUp": 38, "ArrowDown": 40, "ArrowLeft": 37, "ArrowRight": 39, "Home": 36, "End": 35,
	"PageUp": 33, "PageDown": 34, "Delete": 46,
}

// press presses and releases a key by its name, with modifiers.
func (p *tab) press(key string, modifiers ...int64) {
	p.t.Helper()
	code, ok := keyCodes[key]
	if !ok && strings.ContainsAny(key, "abcdefghijklmnopqrstuvwxyz0123456789 ") { // others have no code of their own
		code = int64(strings.ToUpper(key)[0])
	}
	e := input.DispatchKeyEventParams{Type: "rawKeyDown", Key: key, Code: key, WindowsVirtualKeyCode: code}
	for _, m := range modifiers {
		e.Modifiers |= m
	}
	switch {
	case key == "Enter":
		e.Type, e.Text = "keyDown", "\r"
	case !ok && e.Modifiers&^shift == 0: // it writes itself
		e.Type, e.Text = "keyDown", key
	}
	call(p, input.DispatchKeyEvent, e)
	e.Type, e.Text = "keyUp", ""
	call(p, input.DispatchKeyEvent, e)
}

// settle evaluates an expression and awaits what it promises.
func settle[T any](p *tab, within time.Duration, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, within)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%.200s: %v", expression, err)
	}
	return v
}

// grant lets the page read the clipboard, as the person could.
func grant(p *tab, s *teahouse) {
	p.t.Helper()
	for _, name := range []string{"clipboard-read", "clipboard-write"} {
		if _, err := chromedp.CallBrowser(p.ctx, browser.SetPermission, browser.SetPermissionParams{
			Permission: &browser.PermissionDescriptor{Name: name}, Setting: "granted", Origin: strings.TrimSuffix(s.url("/"), "/"),
			BrowserContextID: chromedp.FromContext(p.ctx).BrowserContextID,
		}); err != nil {
			p.t.Fatal(err)
		}
	}
}
