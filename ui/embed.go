// Package ui is the page: its sources under src, and the built files under dist, which
// are committed and compiled in, so that building the program needs no Node. The program that builds them is in build.
package ui

import (
	"embed"
	"io/fs"
)

//go:embed dist
var built embed.FS

// Dist returns the built page: the templates room.html, lobby.html, error.html and manifest.webmanifest, the catalogues
// zh.json and en.json, and what is served as it is: app.js, app.css, emoji.js, sw.js and the icons.
// README.md beside this file says what the templates' placeholders mean.
func Dist() fs.FS {
	dist, err := fs.Sub(built, "dist")
	if err != nil {
		panic(err) // "dist" is a valid path: it stands in the directive above
	}
	return dist
}
