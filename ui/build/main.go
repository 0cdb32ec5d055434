// Command build makes ui/dist of ui/src, and the unit tests as files that node runs. It has a module of its own so
// that nobody who imports the library inherits the bundler.
//
//	build [-ui DIR] page OUT   the page: scripts, styles, templates, catalogues, icons
//	build [-ui DIR] tests OUT  src/test/*.test.ts, each bundled into OUT as .mjs
package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

const banner = "/* Built of ui/src by ci/ui. DO NOT EDIT. */"

// The browsers that the page is made for: two years back when it was written.
var engines = []api.Engine{
	{Name: api.EngineChrome, Version: "111"},
	{Name: api.EngineFirefox, Version: "113"},
	{Name: api.EngineSafari, Version: "16.4"},
}

// A bundle is one file of dist. Each has an entry of its own, so that names stay and a lazy piece is loaded by its name.
type bundle struct {
	entry, name string
	format      api.Format
}

var bundles = []bundle{
	{"src/page/main.tsx", "app.js", api.FormatESModule},
	{"src/page/emoji/data.ts", "emoji.js", api.FormatESModule},
	{"src/sw.ts", "sw.js", api.FormatIIFE},
	{"src/app.css", "app.css", api.FormatDefault},
}

// copied go into dist as they are, under their own names.
var copied = []string{"src/*.html", "src/*.webmanifest", "src/icons/*", "src/i18n/*.json"}

func main() {
	ui := flag.String("ui", "..", "folder of the page, with src and node_modules")
	flag.Parse()
	if err := run(*ui, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
}

func run(ui string, args []string) error {
	if len(args) != 2 {
		return errors.New("usage: build [-ui DIR] page|tests OUT")
	}
	ui, err := filepath.Abs(ui)
	if err != nil {
		return err
	}
	out, err := filepath.Abs(args[1])
	if err != nil {
		return err
	}
	switch args[0] {
	case "page":
		return buildPage(ui, out)
	case "tests":
		return buildTests(ui, out)
	}
	return fmt.Errorf("what is %q? page and tests are known", args[0])
}

func buildPage(ui, out string) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	for _, b := range bundles {
		if err := b.build(ui, out); err != nil {
			return fmt.Errorf("bundle %s: %w", b.entry, err)
		}
	}
	for _, pattern := range copied {
		files, err := filepath.Glob(filepath.Join(ui, pattern))
		if err != nil {
			return err
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(out, filepath.Base(file)), content, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// build bundles one file and says how much of it goes over the wire.
func (b bundle) build(ui, out string) error {
	options := common(ui)
	options.EntryPoints = []string{b.entry}
	options.Outfile = filepath.Join(out, b.name)
	options.Format = b.format
	options.Engines = engines
	options.MinifyWhitespace, options.MinifyIdentifiers, options.MinifySyntax = true, true, true
	options.Define = map[string]string{"process.env.NODE_ENV": `"production"`}
	options.Banner = map[string]string{"js": banner, "css": banner}
	result := api.Build(options)
	if err := problems(result); err != nil {
		return err
	}
	for _, f := range result.OutputFiles {
		packed, err := packedSize(f.Contents)
		if err != nil {
			return err
		}
		fmt.Printf("%-10s %7d bytes, %6d compressed\n", b.name, len(f.Contents), packed)
	}
	return nil
}

func buildTests(ui, out string) error {
	entries, err := filepath.Glob(filepath.Join(ui, "src/test/*.test.ts"))
	if err != nil {
		return err
	}
	options := common(ui)
	options.EntryPoints = entries
	options.Outdir = out
	options.OutExtension = map[string]string{".js": ".mjs"}
	options.Format = api.FormatESModule
	options.Platform = api.PlatformNode
	return problems(api.Build(options))
}

func common(ui string) api.BuildOptions {
	return api.BuildOptions{
		AbsWorkingDir:   ui,
		Bundle:          true,
		Write:           true,
		Target:          api.ES2022,
		Charset:         api.CharsetUTF8,
		LegalComments:   api.LegalCommentsNone,
		JSX:             api.JSXAutomatic,
		JSXImportSource: "preact",
	}
}

// problems makes an error of what esbuild found; a warning is one too, since nobody reads them otherwise.
func problems(result api.BuildResult) error {
	found := slices.Concat(
		api.FormatMessages(result.Errors, api.FormatMessagesOptions{Kind: api.ErrorMessage}),
		api.FormatMessages(result.Warnings, api.FormatMessagesOptions{Kind: api.WarningMessage}),
	)
	if len(found) == 0 {
		return nil
	}
	return errors.New(strings.TrimSpace(strings.Join(found, "")))
}

func packedSize(b []byte) (int, error) {
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return 0, err
	}
	if _, err := w.Write(b); err != nil {
		return 0, err
	}
	if err := w.Close(); err != nil {
		return 0, err
	}
	return packed.Len(), nil
}
