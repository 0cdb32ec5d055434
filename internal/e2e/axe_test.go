//go:build linux

package e2e

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// axeScript is axe-core, from the packages of ui; npm puts them there when they aren't.
var axeScript = sync.OnceValues(func() (string, error) {
	const ui = "../../ui"
	path := filepath.Join(ui, "node_modules", "axe-core", "axe.min.js")
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if out, err := exec.Command("npm", "--prefix", ui, "ci", "--no-audit", "--no-fund", "--loglevel=error").CombinedOutput(); err != nil {
			return "", errors.Join(err, errors.New(string(out)))
		}
		b, err = os.ReadFile(path)
	}
	return string(b), err
})

// A finding is a rule that axe found broken.
type finding struct {
	ID, Impact, Help string
	Nodes            []struct {
		Target         []any
		FailureSummary string
	}
}

// checkAccess lets axe judge the page as it is now. What is serious or critical fails the test; what is less is told.
func (p *tab) checkAccess(t *testing.T, what string) {
	t.Helper()
	script, err := axeScript()
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("no npm, which axe-core comes by: apt-get install npm")
	}
	if err != nil {
		t.Fatalf("read axe-core: %v", err)
	}
	if !look[bool](p, `typeof axe === "object"`) {
		p.do("load axe", chromedp.Evaluate[chromedp.Void](script))
	}
	findings := settle[[]finding](p, time.Minute, `document.fonts.ready
		.then(() => Promise.all(document.getAnimations().filter(a => a.effect.getComputedTiming().endTime < 5000).map(a => a.finished.catch(() => {}))))
		.then(() => axe.run(document, {
			runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
			resultTypes: ["violations"],
		}))
		.then(r => r.violations.map(v => ({ ...v, nodes: v.nodes.slice(0, 5) })))`)
	for _, f := range findings {
		say := t.Logf
		if f.Impact == "serious" || f.Impact == "critical" {
			say = t.Errorf
		}
		for _, n := range f.Nodes {
			if finding := f.ID + asJSON(n.Target) + n.FailureSummary; !slices.Contains(p.found, finding) {
				p.found = append(p.found, finding) // once is enough
				say("%s: %s (%s): %s\n%s\n%s", what, f.ID, f.Impact, f.Help, asJSON(n.Target), n.FailureSummary)
			}
		}
	}
}
