//go:build linux

// Command bench loads servers and says what a delivery costs them, in two suites. "server" loads a Teahouse server of its own, with everything
// durable: deliveries for each second of the server's CPU; memory of an idle socket; acknowledged posts a second; time to start. "channels" loads
// rooms made with package channels, beside the least that this system lets a room cost and beside Django Channels; and nodes that share Redis.
//
// The figures of one machine compare with each other only: read them as ratios.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

// A measure makes one figure.
type measure struct {
	what, unit, target string
	base               string // the measure that this one is told as a multiple of, in the same suite; "" for none
	run                func(cfg config) (float64, error)
}

type config struct {
	server  string        // the teahouse binary
	python  string        // that has Django Channels and daphne
	seconds time.Duration // of load, after a second of warming up
	dir     string        // for the programs that are built
}

// A result is a line of the table.
type result struct {
	What   string  `json:"what"`
	Value  float64 `json:"value"`           // median of the rounds
	Least  float64 `json:"least"`           // of the rounds
	Most   float64 `json:"most"`            // of the rounds
	Unit   string  `json:"unit"`            //
	Ratio  float64 `json:"ratio,omitempty"` // of the medians, to Base
	Base   string  `json:"base,omitempty"`  //
	Target string  `json:"target"`          // what the project wants
}

var suites = map[string][]measure{"server": serverSuite, "channels": channelsSuite}

func main() {
	var cfg config
	flag.StringVar(&cfg.server, "server", "../bin/teahouse", "the teahouse binary, for the suite server")
	flag.StringVar(&cfg.python, "python", "/usr/bin/python3", "the Python that has Django Channels and daphne, for the suite channels")
	flag.DurationVar(&cfg.seconds, "seconds", 5*time.Second, "how long each load lasts")
	suite := flag.String("suite", "server", "what to measure: server or channels")
	rounds := flag.Int("rounds", 3, "rounds of each measure; the median is told")
	only := flag.String("only", "", "measures whose name contains this")
	asJSON := flag.Bool("json", false, "a JSON object a line instead of a table")
	flag.Parse()
	chosen, err := choose(*suite, *only)
	if err == nil && (*rounds < 1 || cfg.seconds <= 0 || flag.NArg() > 0) {
		err = fmt.Errorf("rounds %d, seconds %s, arguments %q: at least 1, more than 0, and none are needed", *rounds, cfg.seconds, flag.Args())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	if err := run(cfg, chosen, *rounds, *asJSON); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// choose returns a suite's measures whose name contains some words, all for none.
func choose(suite, only string) ([]measure, error) {
	all, ok := suites[suite]
	if !ok {
		return nil, fmt.Errorf("suite %q: there are %s", suite, strings.Join(slices.Sorted(maps.Keys(suites)), " and "))
	}
	chosen := slices.DeleteFunc(slices.Clone(all), func(m measure) bool { return !strings.Contains(m.what, only) })
	if len(chosen) == 0 {
		return nil, fmt.Errorf("suite %s has no measure whose name contains %q", suite, only)
	}
	return chosen, nil
}

func run(cfg config, chosen []measure, rounds int, asJSON bool) error {
	dir, err := os.MkdirTemp("", "teahouse-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	cfg.dir = dir
	figures, err := take(cfg, chosen, rounds)
	if err != nil {
		return err
	}
	results := sum(chosen, figures)
	if asJSON {
		return writeJSON(os.Stdout, results)
	}
	return writeTable(os.Stdout, results, rounds)
}

// take runs all rounds and returns the figures of each measure.
func take(cfg config, chosen []measure, rounds int) ([][]float64, error) {
	figures := make([][]float64, len(chosen))
	for round := range rounds { // interleaved: what disturbs the machine disturbs all
		for i, m := range chosen {
			fmt.Fprintf(os.Stderr, "round %d of %d: %s … ", round+1, rounds, m.what)
			v, err := m.run(cfg)
			if err != nil {
				fmt.Fprintln(os.Stderr)
				return nil, fmt.Errorf("%s: %w", m.what, err)
			}
			fmt.Fprintf(os.Stderr, "%.4g %s\n", v, m.unit)
			figures[i] = append(figures[i], v)
		}
	}
	return figures, nil
}

// sum makes a result of the figures of each measure, and ratios of the results.
func sum(chosen []measure, figures [][]float64) []result {
	results := make([]result, len(chosen))
	medians := map[string]float64{}
	for i, m := range chosen {
		sorted := slices.Sorted(slices.Values(figures[i]))
		median := sorted[len(sorted)/2]
		medians[m.what] = median
		results[i] = result{What: m.what, Value: median, Least: sorted[0], Most: sorted[len(sorted)-1], Unit: m.unit, Base: m.base, Target: m.target}
	}
	for i := range results {
		if base := medians[results[i].Base]; base != 0 {
			results[i].Ratio = results[i].Value / base
		}
	}
	return results
}

func writeJSON(w io.Writer, results []result) error {
	out := json.NewEncoder(w)
	for _, r := range results {
		if err := out.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

// writeTable writes Markdown. It has a column of ratios when there are some.
func writeTable(w io.Writer, results []result, rounds int) error {
	compared := slices.ContainsFunc(results, func(r result) bool { return r.Base != "" })
	head := []string{"what", fmt.Sprintf("median of %d", rounds), "least – most", "target"}
	if compared {
		head = slices.Insert(head, 3, "ratio")
	}
	table := "| " + strings.Join(head, " | ") + " |\n|" + strings.Repeat("---|", len(head)) + "\n"
	for _, r := range results {
		row := []string{r.What, strings.TrimSpace(fmt.Sprintf("%.4g %s", r.Value, r.Unit)), fmt.Sprintf("%.4g – %.4g", r.Least, r.Most), r.Target}
		if compared {
			row = slices.Insert(row, 3, r.ratio())
		}
		table += "| " + strings.Join(row, " | ") + " |\n"
	}
	_, err := io.WriteString(w, table)
	return err
}

// ratio is the result as a multiple of its base, "" when that wasn't measured.
func (r result) ratio() string {
	if r.Ratio == 0 {
		return ""
	}
	return fmt.Sprintf("%.3g ×", r.Ratio)
}
