package markdown_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/go-json-experiment/json"

	"github.com/teahouse-chat/teahouse/internal/markdown"
)

func TestTextBecomesATree(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"hi **there** @bob", `[["p","hi ",["b","there"]," ",["@","bob"]]]`},
		{"*a* _b_ ***c***", `[["p",["i","a"]," ",["i","b"]," ",["i",["b","c"]]]]`},
		{"~~old~~ new, 好~ 不好~", `[["p",["s","old"]," new, 好~ 不好~"]]`},
		{"a `b*c*` ``d`e``", `[["p","a ",["code","b*c*"]," ",["code","d` + "`" + `e"]]]`},
		{"one\ntwo\\\nthree *x*", `[["p","one",["br"],"two",["br"],"three ",["i","x"]]]`},
		{"a\n\n*b*", `[["p","a"],["p",["i","b"]]]`},
		{"```go\nif a < b {\n\t*p\n}\n```", `[["pre","go","if a < b {\n\t*p\n}"]]`},
		{"```say what\nyes", `[["pre","","say what\nyes"]]`},
		{"> quoted\n> more\n\nanswer", `[["quote",["p","quoted",["br"],"more"]],["p","answer"]]`},
		{"- a\n- b\n  1. c", `[["ul",["li","a"],["li","b",["ol",1,["li","c"]]]]]`},
		{"3. a\n4. b", `[["ol",3,["li","a"],["li","b"]]]`},
		{"- a\n\n- b", `[["ul",["li",["p","a"]],["li",["p","b"]]]]`},
		{"## Title #\ntext", `[["h",2,"Title"],["p","text"]]`},
		{"    a *b*\n      c\n\n-     d", `[["p","a ",["i","b"],["br"],"c"],["ul",["li","d"]]]`},
		{"a\n\n---\nb", `[["p","a"],["hr"],["p","b"]]`},
		{"[tea *house*](https://example.com/a_b)", `[["p",["a","https://example.com/a_b","tea ",["i","house"]]]]`},
		{`[a](https://example.com "of tea")`, `[["p",["a","https://example.com","a"]," \"of tea\""]]`},
		{"![cup](https://example.com/cup.png)", `[["p",["a","https://example.com/cup.png","cup"]]]`},
		{"![](https://example.com/cup.png)", `[["p",["a","https://example.com/cup.png","https://example.com/cup.png"]]]`},
		{"<https://example.com> <ann@example.com>", `[["p",["a","https://example.com","https://example.com"]," ",["a","mailto:ann@example.com","ann@example.com"]]]`},
		{"see https://example.com/__init__.py.", `[["p","see ",["a","https://example.com/__init__.py","https://example.com/__init__.py"],"."]]`},
		{"(https://example.com/a_(b))", `[["p","(",["a","https://example.com/a_(b)","https://example.com/a_(b)"],")"]]`},
		{"看https://example.com/wiki/茶吧，好", `[["p","看",["a","https://example.com/wiki/茶吧","https://example.com/wiki/茶吧"],"，好"]]`},
		{"看https://example.com吧", `[["p","看",["a","https://example.com","https://example.com"],"吧"]]`},
		{"**HTTP://Example.com**", `[["p",["b",["a","HTTP://Example.com","HTTP://Example.com"]]]]`},
		{"@Ann_Lee, @茶馆 and @x.", `[["p",["@","Ann_Lee"],", ",["@","茶馆"]," and ",["@","x"],"."]]`},
		{"请问@张三 在吗 a@b", `[["p","请问",["@","张三"]," 在吗 a@b"]]`},
		{"@_Ann_ x", `[["p",["@","_Ann_"]," x"]]`},
		{"**注意：**后面", `[["p",["b","注意："],"后面"]]`},
		{"**强调**文字", `[["p",["b","强调"],"文字"]]`},
		{"前面**（括号）**后面", `[["p","前面",["b","（括号）"],"后面"]]`},
		{"前~~“删除”~~后", `[["p","前",["s","“删除”"],"后"]]`},
		{"snake_case_name and 2 * 3 * 4 \\*no\\*", `[["p","snake_case_name and 2 * 3 * 4 *no*"]]`},
		{">>>>>>>>>>> deep *i*", `[["quote",["quote",["quote",["quote",["quote",["quote",["quote",["quote","deep i"]]]]]]]]]`},
	} {
		if got := string(markdown.Parse(c.text)); got != c.want {
			t.Errorf("%q: got\n%s, want\n%s", c.text, got, c.want)
		}
	}
}

func TestPlainTextHasNoTree(t *testing.T) {
	for _, text := range []string{
		"", "hi", "来了呀客官 🍵", "a\nb\n\nc", "don't: (a) 5% + 3 = \"8\"?", "snake_case", "5 * 3", "a@b.c", "@", "@ x", "#tag", "a > b\nc < d", "~", "\\n", "-1", "1.5", "   ",
	} {
		if got := markdown.Parse(text); got != nil {
			t.Errorf("%q: got %s", text, got)
		}
	}
}

// What HTML, or a link that leads nowhere good, was meant as is shown as it was written.
func TestWhatIsNotTakenIsText(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"<b>*x*</b> &amp;", `[["p","<b>",["i","x"],"</b> &amp;"]]`},
		{"<script>\nalert(1)\n</script> *x*", `[["p","<script>",["br"],"alert(1)",["br"],"</script> ",["i","x"]]]`},
		{"[a](javascript:alert) *x*", `[["p","[a](javascript:alert) ",["i","x"]]]`},
		{"![a](data:x) *x*", `[["p","![a](data:x) ",["i","x"]]]`},
		{"[a](/b) <ftp://x.y> *x*", `[["p","[a](/b) <ftp://x.y> ",["i","x"]]]`},
		{"[a]: https://example.com", `[["p","[a]: ",["a","https://example.com","https://example.com"]]]`},
		{"title\n===\n*x*", `[["p","title",["br"],"===",["br"],["i","x"]]]`},
		{"| a | b |\n|---|---|\n| *c* | d |", `[["p","| a | b |",["br"],"|---|---|",["br"],"| ",["i","c"]," | d |"]]`},
	} {
		if got := string(markdown.Parse(c.text)); got != c.want {
			t.Errorf("%q: got\n%s, want\n%s", c.text, got, c.want)
		}
	}
}

// The worst that 4,000 characters can do.
func TestEveryTextIsReadSoon(t *testing.T) {
	most := 20 * time.Millisecond
	if raceEnabled {
		most *= 20
	}
	marks := []string{">", "*", "_", "[", "(", "!", "\\", "`", "~", "-", "<", "#", "@", "+", "1.", "|", "&", "a", "\n", " ", "\"", "http://a"}
	texts := []string{
		"[a](", "[[a](b)", "![[]()", "**a *b ", "*a_b ", "a**b", "`a``b", "- ", "> ", ">- ", "-\n", "1. ", "> a\n", "- a\n ", "```\n", "~~~\n", "<a@", "<http:", "[a](b \"", "[a](<b",
		"@a", "https://a ", "\\*", "*_", "_*~~", "**注意：**", "# \n", "a\n\n", "* a\n", "    a\n", "\t", "()[]", "[a]", "[a][b]", "[]: <", "](", "[x](https://a)", "**x** ",
	}
	for i, a := range marks {
		texts = append(texts, a, a+" ", a+"\n")
		for _, b := range marks[i+1:] {
			texts = append(texts, a+b, a+b+" ")
		}
	}
	for i := range texts {
		texts[i] = strings.Repeat(texts[i], 4000/len(texts[i]))
	}
	var nested strings.Builder
	for i := range 60 {
		nested.WriteString(strings.Repeat("  ", i) + "- a\n")
	}
	texts = append(texts, nested.String(), strings.Repeat(">", 60)+strings.Repeat("\n"+strings.Repeat(">", 60)+"a", 60), strings.Repeat("- ", 1000)+"a\n"+strings.Repeat(" ", 1900)+"b")
	for _, text := range texts {
		took := most + 1
		for try := 0; try < 20 && took > most; try++ { // the machine may have had other things to do
			began := time.Now()
			markdown.Parse(text)
			took = min(took, time.Since(began))
		}
		if took > most {
			t.Errorf("%.20q: %v", text, took)
		}
	}
}

var tags = map[string]bool{
	"p": true, "br": true, "b": true, "i": true, "s": true, "code": true, "pre": true, "a": true, "quote": true, "ul": true, "ol": true, "li": true, "h": true, "hr": true, "@": true,
}

// check walks a tree and returns its strings.
func check(t *testing.T, n any, depth int) string {
	switch n := n.(type) {
	case string:
		return n
	case float64:
		return fmt.Sprint(n)
	case []any:
		tag, ok := n[0].(string)
		if !ok || !tags[tag] || depth > 8 {
			t.Fatalf("a node %v at depth %d", n, depth)
		}
		if tag == "a" && !regexp.MustCompile(`^(?i:https?://|mailto:).`).MatchString(n[1].(string)) {
			t.Fatalf("a link to %q", n[1])
		}
		var b strings.Builder
		for _, child := range n[1:] {
			b.WriteString(check(t, child, depth+1))
		}
		return b.String()
	}
	t.Fatalf("%T in a tree", n)
	return ""
}

// letters counts the letters of a text, and the digits that aren't the numbers of a list, which are counted anew.
func letters(s string) map[rune]int {
	s = regexp.MustCompile(`[0-9]+[.)]`).ReplaceAllString(s, "")
	n := map[rune]int{}
	for _, r := range s {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			n[r]++
		}
	}
	return n
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"hi **there** @bob", "- a\n  - b\n\n1. c", "> a\nb\n\n```x y\nz\n", "[a](https://b \"c\")", "![a](b)", "<https://a> <a@b.c>", "**注意：**后面", "看https://a.com吧", "a\\\nb  \nc",
		">>>>>>>>>>*a*", "[![a](https://b)](https://c)", "1) a\n2) b", "# a #", "~~a~~~b", "\r\n\ra", "`` ` ``", "[a]: b 'c'", "&amp;&#65;", "\u00a0- a", "@a@b", "https://[::1]/", "***", "\t- a\n\t\tb",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		s = strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\x00", "")
		if len([]rune(s)) > 4000 {
			return
		}
		timer := time.AfterFunc(3*time.Second, func() { panic(fmt.Sprintf("HANG %q", s)) })
		b := markdown.Parse(s)
		timer.Stop()
		if b == nil {
			return
		}
		var blocks []any
		if err := json.Unmarshal(b, &blocks); err != nil || len(blocks) == 0 {
			t.Fatalf("%q: %s: %v", s, b, err)
		}
		var said strings.Builder
		for _, block := range blocks {
			said.WriteString(check(t, block, 1))
		}
		has := map[rune]int{}
		for _, r := range said.String() {
			has[r]++
		}
		for r, n := range letters(s) {
			if has[r] < n {
				t.Fatalf("%q: %c is in the text %d times, in the tree %d times: %s", s, r, n, has[r], b)
			}
		}
	})
}

func TestOnlyLinesThatBeginAnItemMakeAList(t *testing.T) {
	for _, c := range []struct {
		text  string
		plain bool
	}{
		{"- a", false},
		{"+ a", false},
		{"a\n \t- b", false},
		{"3) a", false},
		{"10. a\n11. b", false},
		{"---", false},
		{"a\r\n1. b", false},
		{"a - b", true},
		{"-a", true},
		{"+1", true},
		{"1.5 l", true},
		{"at 10. or later", true},
		{"10", true},
		{"", true},
		{"a\n\nb", true},
		{"x]", true},
	} {
		if plain := markdown.Parse(c.text) == nil; plain != c.plain {
			t.Errorf("%q: plain %t, not %t", c.text, plain, c.plain)
		}
	}
}

// BenchmarkParsePlain is what a message without any Markdown costs, as most are.
func BenchmarkParsePlain(b *testing.B) {
	for name, text := range map[string]string{"word": strings.Repeat("x", 128), "words": strings.Repeat("see you at 10 ", 9)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if markdown.Parse(text) != nil {
					b.Fatal("it is not plain")
				}
			}
		})
	}
}
