//go:build linux

package e2e

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestPageHostileTextIsText(t *testing.T) {
	s := start(t)
	const room = "123"
	hostile := []string{
		`<script>document.title = "owned"</script>`,
		`<img src=x onerror="document.title='owned'">`,
		`</div></li></ol><h1>owned</h1>`,
		"\u202eowt eno\u202c \u2066bidi",
		"&lt;b&gt; &amp; javascript:alert(1) {{room}} ${1+1}",
	}
	for _, text := range hostile {
		s.post(room, `<b onclick=x>`+"\u202e"+`eve"'&`, text)
	}
	p := openTab(t, chromium(t), "en")
	p.open(s.url("/room/123/?name=%3Cscript%3Edocument.title%3D1%3C%2Fscript%3E%22%3E%3Ci%3E"))
	p.state("online")
	p.awaitTexts(hostile...)
	names := look[[]string](p, `[...new Set([...document.querySelectorAll("#messages .author")].map(e => e.textContent))]`)
	if len(names) != 1 || names[0] != `<b onclick=x>eve"'&` {
		t.Errorf("names are %q: want them as text, without the override", names)
	}
	for what, expression := range map[string]string{
		"an element came out of a text":          `document.querySelectorAll("#messages :is(script, img, h1, b, i, a)").length > 0`,
		"a script ran":                           `/owned|^1$/.test(document.title)`,
		"the name of the URL isn't a text alone": `!document.querySelector("#name").value.startsWith("<script>") || !!document.querySelector(".composer :is(script, i)")`,
		"a text can turn what stands beside it":  `[...document.querySelectorAll("#messages .text")].some(e => !["isolate", "plaintext", "isolate-override"].includes(getComputedStyle(e).unicodeBidi))`,
	} {
		if look[bool](p, expression) {
			t.Error(what)
		}
	}
	p.checkQuiet(s)
}

// Texts that are Markdown of the worst kind. All are within the limits; to parse and to draw them has to be quick.
func TestPageMonstrousMarkdownIsDrawn(t *testing.T) {
	s := start(t, "--limits", "off")
	monsters := map[string]string{
		"quotes in quotes": strings.Repeat(">", 3990) + " deep",
		"lists in lists":   nested("- ", 60),
		"stars":            strings.Repeat("*", 4000),
		"brackets":         strings.Repeat("[", 2000) + strings.Repeat("](", 1000),
		"backticks":        strings.Repeat("`a", 2000),
		"underscores":      strings.Repeat("_a__b", 800),
		"links":            strings.Repeat("<a:b>", 800),
		"entities":         strings.Repeat("&#1;&#x202e;", 300),
		"a table":          strings.Repeat("|a", 1000) + "\n" + strings.Repeat("|-", 900),
		"one long word":    strings.Repeat("W", 4000),
		"one long URL":     "https://example.org/" + strings.Repeat("a", 3900),
		"zalgo":            strings.Repeat("Z̷̧̡͔̘̘̤̣͕̰͆̓̓̽͋̒͝", 100),
		"script in a link": "[click](javascript:document.title='owned') ![x](data:text/html,<script>document.title='owned'</script>) <javascript:alert(1)>",
		"bidi in a link":   "[\u202ehttps://good.example](https://evil.example)",
		"a fence":          strings.Repeat("`", 3000) + "\nx",
		"newlines":         "a" + strings.Repeat("\n", 3998) + "b",
	}
	p := openTab(t, chromium(t), "en")
	p.use(phone)
	p.open(s.url("/room/123/?name=ann"))
	p.state("online")
	n := 0
	for what, text := range monsters {
		s.post("123", strings.Repeat("Z̧͔̀", 8), text)
		n++
		p.await(3*time.Second, what+" are shown", fmt.Sprintf(`document.querySelectorAll("#messages li[data-offset]").length === %d`, n))
		if deep := look[int](p, `(() => {
			const depth = e => 1 + Math.max(0, ...[...e.children].map(depth))
			return depth([...document.querySelectorAll("#messages li[data-offset]")].at(-1))
		})()`); deep > 40 {
			t.Errorf("%s make %d levels of elements", what, deep)
		}
		if wide := look[bool](p, `document.documentElement.scrollWidth > innerWidth || document.querySelector("#log").scrollWidth > document.querySelector("#log").clientWidth`); wide {
			t.Errorf("%s make the page wider than the window", what)
		}
	}
	if bad := look[[]string](p, `[...document.querySelectorAll("#messages .text a")].map(a => a.href).filter(h => !/^(https?|mailto):/.test(h))`); len(bad) != 0 {
		t.Errorf("links lead to %q", bad)
	}
	if look[bool](p, `/owned/.test(document.title) || document.querySelectorAll("#messages :is(script, img, iframe, object, style, svg image)").length > 0`) {
		t.Error("a script ran, or an element that isn't text came out of one")
	}
	p.reload()
	p.state("online")
	p.await(5*time.Second, "they are shown after a reload", fmt.Sprintf(`document.querySelectorAll("#messages li[data-offset]").length === %d`, n))
	p.say("and still it talks")
	p.await(5*time.Second, "a message comes after them", `[...document.querySelectorAll("#messages .text")].at(-1).textContent === "and still it talks"`)
	photograph(t, "monsters.png", []*tab{p})
	p.checkQuiet(s)
}

// nested is a list in a list in a list.
func nested(marker string, depth int) string {
	var b strings.Builder
	for i := range depth {
		fmt.Fprintf(&b, "%s%s%d\n", strings.Repeat(" ", len(marker)*i), marker, i)
	}
	return b.String()
}

func TestPageTextOverTheLimitStaysInTheField(t *testing.T) {
	s := start(t)
	p := openTab(t, chromium(t), "en")
	p.open(s.url("/room/123/?name=ann"))
	p.state("online")
	const quotes = 50_000
	p.write(strings.Repeat(`"`, quotes))
	p.key("Enter", 13)
	p.click("#send")
	if n := look[int](p, `document.querySelector("#text").value.length`); n != quotes {
		t.Errorf("%d characters are left of %d", n, quotes)
	}
	if n := look[int](p, `document.querySelectorAll("#messages li.pending").length`); n != 0 {
		t.Errorf("%d posts are under way", n)
	}
	p.await(5*time.Second, "the page says that it is too long", `/46?[,.\s]?000/.test(document.querySelector("#composer").innerText)`)
	look[bool](p, `document.querySelector("#text").select(), true`)
	p.say("shorter")
	p.awaitTexts("shorter")
	p.checkQuiet(s)
}

// A page is offered hostile names in its URL, by its room and by those who are here.
func TestPageHostileNamesAreText(t *testing.T) {
	s := start(t)
	names := []string{`<img src=x onerror="document.title='owned'">`, "\u202egnp.exe", strings.Repeat("Z̷̧̡͔̘", 8), "a\u200b\u200b\u200bb", `'";--`, "{{name}}"}
	p := openTab(t, chromium(t), "en")
	p.open(s.url("/room/123/?name=ann"))
	p.state("online")
	for i, name := range names {
		guest := openTab(t, chromium(t), "en")
		guest.open(s.url("/room/123/?name=" + url.QueryEscape(name)))
		guest.state("online")
		guest.say(fmt.Sprint("hello ", i))
		p.await(10*time.Second, name+" has spoken", fmt.Sprintf(`document.querySelectorAll("#messages li[data-offset]").length === %d`, i+1))
		guest.checkQuiet(s)
	}
	p.awaitPeople(len(names) + 1)
	shown := look[[]string](p, `[...document.querySelectorAll("#messages .author")].map(e => e.textContent)`)
	if shown[0] != names[0][:32] {
		t.Errorf("the first name is shown as %q", shown[0])
	}
	if look[bool](p, `/owned/.test(document.title) || !!document.querySelector("img[src=x]") || /[\u202a-\u202e]/.test(document.body.textContent)`) {
		t.Error("a name became more than text")
	}
	p.checkQuiet(s)
}
