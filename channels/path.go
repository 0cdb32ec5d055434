package channels

import (
	"net/http"
	"slices"
	"strings"
)

// A path is what the wildcards of the URL's pattern matched, in order.
type path struct {
	pattern string
	first   string    // nearly all have one: it needs no slice, which would cost each idle connection one
	rest    *[]string // the others; nil for none
}

// pathOf notes a request's path values.
func pathOf(r *http.Request) path {
	p := path{pattern: r.Pattern}
	for i, name := range wildcards(r.Pattern) {
		value := strings.Clone(r.PathValue(name)) // which is a piece of the whole request line
		switch i {
		case 0:
			p.first = value
		case 1:
			p.rest = &[]string{value}
		default:
			*p.rest = append(*p.rest, value)
		}
	}
	return p
}

// value is what the wildcard of a name matched, "" for none.
func (p *path) value(name string) string {
	switch i := slices.Index(wildcards(p.pattern), name); {
	case i == 0:
		return p.first
	case i > 0:
		return (*p.rest)[i-1]
	}
	return ""
}

// wildcards are the names in a http.ServeMux pattern.
func wildcards(pattern string) []string {
	var names []string
	for {
		_, rest, found := strings.Cut(pattern, "{")
		if !found {
			return names
		}
		name, rest, _ := strings.Cut(rest, "}")
		if name != "$" {
			names = append(names, strings.TrimSuffix(name, "..."))
		}
		pattern = rest
	}
}
