package markdown_test

import (
	"testing"

	"github.com/teahouse-chat/teahouse/internal/markdown"
)

func TestTreesAreHTML(t *testing.T) {
	for text, want := range map[string]string{
		"**a** *b* ~~c~~ `<d>`":         "<p><strong>a</strong> <em>b</em> <s>c</s> <code>&lt;d&gt;</code></p>",
		"one\n*two*":                    "<p>one<br><em>two</em></p>",
		"# Tea\n\n---":                  `<p class="heading">Tea</p><hr>`,
		"> q\n\n3. x\n4. y":             `<blockquote><p>q</p></blockquote><ol start="3"><li>x</li><li>y</li></ol>`,
		"- x":                           "<ul><li>x</li></ul>",
		"```go\na < b\n```":             `<div class="code"><pre>a &lt; b</pre></div>`,
		"https://example.com/?a=1&b=\"": `<p><a href="https://example.com/?a=1&amp;b=" rel="noopener noreferrer nofollow ugc">https://example.com/?a=1&amp;b=</a>&#34;</p>`,
		"hi @ann <script>":              `<p>hi <bdi class="mention">@ann</bdi> &lt;script&gt;</p>`,
	} {
		if got := markdown.HTML(markdown.Parse(text)); got != want {
			t.Errorf("%q: got\n%s, want\n%s", text, got, want)
		}
	}
	for _, none := range []string{"", "null", "{}", `[["a"]`, `[[1,"x"],[[]],[]]`} {
		if got := markdown.HTML([]byte(none)); got != "" {
			t.Errorf("%s: got %q", none, got)
		}
	}
}
