//go:build linux

package e2e

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/teahouse-chat/teahouse/client"
)

// awaitPending waits until so many posts are shown that aren't in the log yet.
func (p *tab) awaitPending(n int) {
	p.t.Helper()
	p.await(20*time.Second, fmt.Sprintf("%d posts wait", n), fmt.Sprintf(`document.querySelectorAll("#messages li.pending").length === %d`, n))
}

// awaitWorker waits until the service worker has what it keeps: from then on the page opens without a network.
func (p *tab) awaitWorker() {
	p.t.Helper()
	settle[bool](p, 20*time.Second, `navigator.serviceWorker.ready.then(r => r.active.state === "activated" || new Promise(done => r.active.addEventListener("statechange", () => done(true))))`)
}

// goOffline takes the network away, as the page and its browser see it.
func goOffline(net *proxy, pages ...*tab) {
	for _, p := range pages {
		p.serverIsAway()
	}
	net.refuse(true)
	for _, p := range pages {
		p.believes(true)
	}
}

func goOnline(net *proxy, pages ...*tab) {
	net.refuse(false)
	for _, p := range pages {
		p.believes(false)
	}
}

// texts are what the events of a log say.
func texts(log []client.Event) []string {
	var all []string
	for _, e := range log {
		all = append(all, e.Text)
	}
	return all
}

func TestPageWhatIsWrittenOfflineOutlivesAReloadAndIsDeliveredOnce(t *testing.T) {
	s := start(t)
	net := newProxy(t, s.addr)
	front := net.front(s)
	p := openTab(t, chromium(t), "en")
	p.open(front.url("/room/123/?name=ann"))
	p.state("online")
	p.say("before")
	p.awaitTexts("before")
	p.awaitPending(0)
	p.awaitWorker()

	goOffline(net, p)
	want := []string{"before"}
	for i := range 3 {
		want = append(want, fmt.Sprintf("offline %d", i+1))
		p.say(want[i+1])
	}
	p.awaitPending(3)
	p.write("a draft")
	p.reload()
	p.awaitPending(3)
	p.awaitTexts("before")
	p.await(10*time.Second, "the draft is kept", `document.querySelector("#text").value === "a draft"`)

	goOnline(net, p)
	p.state("online")
	p.awaitTexts(want...)
	p.awaitPending(0)
	if got := texts(readAll(t, s, "123")); !slices.Equal(got, want) {
		t.Errorf("the log has %q, want %q", got, want)
	}
	p.checkQuiet(front)
}

// Who reads far above the end when the network goes sees what they say all the same, and is at the end once it is back.
func TestPageWhatIsSaidOfflineFarFromTheEndIsSeen(t *testing.T) {
	s := start(t, "--limits", "off")
	talk(t, s, "123", 1000)
	net := newProxy(t, s.addr)
	front := net.front(s)
	p := openTab(t, chromium(t), "en")
	p.use(desk)
	p.open(front.url("/room/123/?name=ann#17"))
	p.state("online")
	p.await(10*time.Second, "message 17 is in sight", inSight(17))
	goOffline(net, p)
	p.say("from the tunnel")
	p.awaitPending(1)
	p.await(5*time.Second, "the post is in sight", `(() => {
		const row = document.querySelector("#messages li.pending").getBoundingClientRect(), log = document.querySelector("#log").getBoundingClientRect()
		return row.top < log.bottom && row.bottom > log.top
	})()`)
	goOnline(net, p)
	p.state("online")
	p.awaitPending(0)
	p.await(10*time.Second, "it has its place at the end", `[...document.querySelectorAll("#messages li[data-offset]")].at(-1)?.dataset.offset === "1001"`)
	p.awaitEnd("after the tunnel")
	p.checkQuiet(front)
}

func TestPageTwoTabsPostOneOutboxOnce(t *testing.T) {
	s := start(t)
	net := newProxy(t, s.addr)
	front := net.front(s)
	p := openTab(t, chromium(t), "en")
	p.open(front.url("/room/123/?name=ann"))
	p.state("online")
	p.awaitWorker()
	other := p.another()
	other.open(front.url("/room/123/"))
	other.state("online")

	goOffline(net, p, other)
	var want []string
	for i := range 5 {
		want = append(want, fmt.Sprintf("once %d", i+1))
		p.say(want[i])
	}
	p.awaitPending(5)
	other.reload() // it takes the outbox from the storage that both have
	other.awaitPending(5)
	goOnline(net, p, other)
	for _, page := range []*tab{p, other} {
		page.state("online")
		page.awaitTexts(want...)
		page.awaitPending(0)
	}
	if got := texts(readAll(t, s, "123")); !slices.Equal(got, want) {
		t.Errorf("the log has %q, want %q", got, want)
	}
	p.checkQuiet(front)
	other.checkQuiet(front)
}

func TestPageServerKilledInMidSentence(t *testing.T) {
	s := start(t)
	p := openTab(t, chromium(t), "zh-CN")
	p.open(s.url("/room/123/?name=ann"))
	p.state("online")
	p.say("一")
	p.awaitTexts("一")
	p.serverIsAway()
	p.write("说到一半")
	s.kill()
	p.state("reconnecting")
	p.write("，接着")
	s.start()
	p.write("说完")
	p.state("online")
	if got := look[string](p, `document.activeElement?.id + " " + document.querySelector("#text").value`); got != "text 说到一半，接着说完" {
		t.Errorf("the field in focus and its text are %q", got)
	}
	p.key("Enter", 13)
	p.awaitTexts("一", "说到一半，接着说完")
	p.checkQuiet(s)
}

var cutSeed = uint64(20261123)

func TestPageNetworkCutAtAnyByteLosesAndDoublesNothing(t *testing.T) {
	s := start(t, "--limits", "off")
	net := newProxy(t, s.addr)
	front := net.front(s)
	browser := chromium(t)
	pages := []*tab{openTab(t, browser, "en"), openTab(t, browser, "zh-CN")}
	for i, p := range pages {
		p.open(front.url("/room/123/?name=" + []string{"ann", "bob"}[i]))
		p.state("online")
		p.serverIsAway()
	}
	random := rand.New(rand.NewPCG(cutSeed, 5))
	var said []string
	for range 30 {
		d, n := direction(random.IntN(2)), 1+random.IntN(3000)
		fell := net.cutAfter(d, n)
		for k := range 4 {
			text := fmt.Sprintf("%d 茶 %s", len(said), strings.Repeat("x", random.IntN(200)))
			said = append(said, text)
			pages[k%2].say(text)
		}
		select {
		case <-fell:
		default: // the next round's is before it
		}
		look[bool](pages[random.IntN(2)], `dispatchEvent(new Event("online"))`) // one of them doesn't wait its pause out
	}
	net.sheathe()
	for _, p := range pages {
		p.await(30*time.Second, "all has come", fmt.Sprintf(`document.querySelectorAll("#messages li[data-offset]").length === %d`, len(said)))
		p.awaitPending(0)
	}
	log := texts(readAll(t, s, "123"))
	for i, p := range pages {
		p.awaitTexts(log...)
		own := func(text string) bool { var n int; _, _ = fmt.Sscanf(text, "%d", &n); return n%2 != i }
		if got, want := slices.DeleteFunc(slices.Clone(log), own), slices.DeleteFunc(slices.Clone(said), own); !slices.Equal(got, want) {
			t.Errorf("of one page's texts the log has\n%q, want\n%q", got, want)
		}
	}
	if len(log) != len(said) {
		t.Errorf("the log has %d messages, want %d", len(log), len(said))
	}
}
