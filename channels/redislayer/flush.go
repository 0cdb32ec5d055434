package redislayer

import (
	"context"
	"slices"
	"strings"
)

// flush deletes all keys of a host that begin with a prefix.
func flush(ctx context.Context, h *host, prefix string) error {
	var keys []string
	for cursor := uint64(0); ; {
		page, err := h.client.Do(ctx, h.client.B().Scan().Cursor(cursor).Match(globQuote(prefix)+"*").Count(1000).Build()).AsScanEntry()
		if err != nil {
			return err
		}
		keys = append(keys, page.Elements...)
		if cursor = page.Cursor; cursor == 0 {
			break
		}
	}
	// The keys that processes look for go last: who misses its own writes its memberships again, which must not be deleted then.
	alive := func(key string) bool { return strings.HasPrefix(key, prefix+aliveInfix) }
	last := slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return !alive(key) })
	keys = append(slices.DeleteFunc(keys, alive), last...)
	for part := range slices.Chunk(keys, maxBatch) {
		if err := h.client.Do(ctx, h.client.B().Del().Key(part...).Build()).Error(); err != nil {
			return err
		}
	}
	return nil
}

// globQuote is a pattern that matches s alone.
func globQuote(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(s)
}
