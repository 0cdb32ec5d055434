//go:build linux

// Command bench loads a Teahouse server of its own, with everything durable, and says what a delivery costs it: deliveries a second,
// and for each second of the server's CPU; memory of an idle socket; acknowledged posts a second; time to start.
//
// The figures of one machine compare with each other only: read them as ratios.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"time"
)

// A result is a line of the table.
type result struct {
	What   string  `json:"what"`
	Value  float64 `json:"value"`  // median of the rounds
	Least  float64 `json:"least"`  // of the rounds
	Most   float64 `json:"most"`   // of the rounds
	Unit   string  `json:"unit"`   //
	Target string  `json:"target"` // what the project wants
}

// A measure makes one figure.
type measure struct {
	what, unit, target string
	run                func(cfg config) (float64, error)
}

type config struct {
	server  string        // the binary
	seconds time.Duration // of load, after a second of warming up
}

var measures = []measure{
	{"room of 1,000, 16 in flight: deliveries per CPU second", "/s", "≥ 300,000", fanOut(1000, 16)},
	{"room of 1,000, 1 in flight: deliveries per CPU second", "/s", "≥ 70,000", fanOut(1000, 1)},
	{"room of 10,000, 8 in flight: deliveries per CPU second", "/s", "≥ 200,000", fanOut(10000, 8)},
	{"memory of an idle socket at 10,000", "KB", "≤ 3", idleMemory(10000)},
	{"acknowledged posts, 64 connections in 64 rooms", "/s", "≥ 7,000", ackedPosts(64)},
	{"start to serving", "ms", "≤ 200", startTime},
	{"memory of an empty server", "MB", "≤ 40", emptyMemory},
}

func main() {
	server := flag.String("server", "../bin/teahouse", "the teahouse binary")
	rounds := flag.Int("rounds", 3, "rounds of each measure; the median is told")
	seconds := flag.Duration("seconds", 5*time.Second, "how long each load lasts")
	only := flag.String("only", "", "measures whose name contains this")
	asJSON := flag.Bool("json", false, "a JSON object a line instead of a table")
	flag.Parse()
	if err := run(config{*server, *seconds}, *rounds, *only, *asJSON); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(cfg config, rounds int, only string, asJSON bool) error {
	if _, err := os.Stat(cfg.server); err != nil {
		return fmt.Errorf("no server to load: %w; build it with make build", err)
	}
	chosen := choose(only)
	figures := make([][]float64, len(chosen))
	for round := range rounds { // interleaved: what disturbs the machine disturbs all
		for i, m := range chosen {
			fmt.Fprintf(os.Stderr, "round %d of %d: %s … ", round+1, rounds, m.what)
			v, err := m.run(cfg)
			if err != nil {
				fmt.Fprintln(os.Stderr)
				return fmt.Errorf("%s: %w", m.what, err)
			}
			fmt.Fprintf(os.Stderr, "%.4g %s\n", v, m.unit)
			figures[i] = append(figures[i], v)
		}
	}
	if !asJSON {
		fmt.Printf("| what | median of %d | least – most | target |\n|---|---|---|---|\n", rounds)
	}
	for i, m := range chosen {
		slices.Sort(figures[i])
		r := result{m.what, figures[i][rounds/2], figures[i][0], figures[i][rounds-1], m.unit, m.target}
		if asJSON {
			if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
				return err
			}
			continue
		}
		fmt.Printf("| %s | %.4g %s | %.4g – %.4g | %s %s |\n", r.What, r.Value, r.Unit, r.Least, r.Most, r.Target, r.Unit)
	}
	return nil
}
