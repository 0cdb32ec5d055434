package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/teahouse-chat/teahouse/internal/server"
)

func TestReadmesListEverySettingWithItsDefault(t *testing.T) {
	var cfg server.Config
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	serveFlags(flags, &cfg)
	n := 0
	flags.VisitAll(func(*pflag.Flag) { n++ })
	if fields := reflect.TypeFor[server.Config]().NumField(); n != fields {
		t.Errorf("%d flags for %d fields of server.Config", n, fields)
	}
	for _, name := range []string{"README.md", "README.zh-CN.md"} {
		b, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		var rows []string
		for line := range strings.Lines(string(b)) {
			if strings.HasPrefix(line, "| `--") {
				rows = append(rows, line)
			}
		}
		flags.VisitAll(func(f *pflag.Flag) {
			for _, row := range rows {
				if strings.Contains(row, "`--"+f.Name+"`") && (f.DefValue == "" || f.DefValue == "[]" || strings.Contains(row, "`"+f.DefValue+"`")) {
					return
				}
			}
			t.Errorf("%s has no row for --%s with its default %q", name, f.Name, f.DefValue)
		})
	}
}
