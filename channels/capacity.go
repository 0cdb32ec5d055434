package channels

import (
	"fmt"
	"regexp"
	"strings"
)

// DefaultCapacity is how many messages a channel holds when nothing else is said.
const DefaultCapacity = 100

// A CapacityRule gives the channels that match a capacity of their own: an entry of Django's channel_capacity.
type CapacityRule struct {
	// Pattern is matched with the whole name of a channel: * is any characters (full stops and ! included), ? is any one, [abc] and [a-c] are one of these,
	// [!abc] is one of none of these.
	Pattern string

	// Regexp, when set, is matched from the start of the name in place of Pattern.
	Regexp *regexp.Regexp

	// Capacity is in messages.
	Capacity int
}

// Capacities say how many messages each channel holds. They may be used concurrently.
type Capacities struct {
	rules    []CapacityRule
	fallback int
}

// NewCapacities makes Capacities of rules, of which the first that matches counts, and of a default: 0 means DefaultCapacity. Errors: a pattern
// that isn't one, a capacity under 1.
func NewCapacities(fallback int, rules []CapacityRule) (*Capacities, error) {
	if fallback == 0 {
		fallback = DefaultCapacity
	}
	if fallback < 0 {
		return nil, fmt.Errorf("capacity %d: it must be 1 or more", fallback)
	}
	c := &Capacities{fallback: fallback}
	for _, r := range rules {
		if r.Capacity < 1 {
			return nil, fmt.Errorf("capacity %d of channels %s: it must be 1 or more", r.Capacity, r)
		}
		source := translateGlob(r.Pattern)
		if r.Regexp != nil {
			source = `\A(?:` + r.Regexp.String() + `)`
		}
		re, err := regexp.Compile(source)
		if err != nil {
			return nil, fmt.Errorf("capacity of channels %s: %w", r, err)
		}
		c.rules = append(c.rules, CapacityRule{Regexp: re, Capacity: r.Capacity})
	}
	return c, nil
}

// Of is a channel's capacity.
func (c *Capacities) Of(channel string) int {
	for _, r := range c.rules {
		if r.Regexp.MatchString(channel) {
			return r.Capacity
		}
	}
	return c.fallback
}

// String is the rule's pattern, or its regular expression.
func (r CapacityRule) String() string {
	if r.Regexp != nil {
		return r.Regexp.String()
	}
	return r.Pattern
}

// translateGlob writes a shell pattern as a regular expression. A bracket that isn't closed stands for itself.
func translateGlob(pattern string) string {
	var re strings.Builder
	re.WriteString(`(?s)\A`)
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; c {
		case '*':
			re.WriteString(`.*`)
		case '?':
			re.WriteString(`.`)
		case '[':
			set, size := bracket(pattern[i:])
			re.WriteString(set)
			i += size - 1
		default:
			re.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	re.WriteString(`\z`)
	return re.String()
}

// bracket writes the set that begins p as a regular expression and says how long it is in p.
func bracket(p string) (set string, size int) {
	from := 1
	if strings.HasPrefix(p[from:], "!") {
		from++
	}
	end := strings.IndexByte(p[min(from+1, len(p)):], ']') // the first character is a member, even if it is ]
	if end < 0 {
		return `\[`, 1
	}
	end += from + 1
	members := strings.NewReplacer(`\`, `\\`, `[`, `\[`, `]`, `\]`, `^`, `\^`).Replace(p[from:end])
	if from == 2 {
		members = "^" + members
	}
	return "[" + members + "]", end + 1
}
