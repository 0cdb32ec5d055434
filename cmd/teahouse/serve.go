package main

import (
	"log/slog"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/teahouse-chat/teahouse/internal/server"
)

func newServe(std streams, use string) *cobra.Command {
	var cfg server.Config
	cmd := &cobra.Command{
		Use:   use + " [flags]",
		Short: "Serve rooms; the default command",
		Long: "Serve rooms over HTTP until SIGINT or SIGTERM. When it is ready it prints the URL of a room on standard output;\n" +
			"it logs to standard error.",
		Args:                  between(0, 0),
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkConfig(cfg); err != nil {
				return err
			}
			log := slog.New(slog.NewTextHandler(std.err, nil))
			return server.Run(cmd.Context(), cfg, std.out, log)
		},
	}
	serveFlags(cmd.Flags(), &cfg)
	return cmd
}

// serveFlags binds a flag to each field of the server's configuration.
func serveFlags(flags *pflag.FlagSet, cfg *server.Config) {
	flags.SortFlags = false
	flags.StringVar(&cfg.Addr, "addr", "127.0.0.1:8000", "`address` to listen on; :8000 for all of this machine's")
	flags.StringVar(&cfg.Data, "data", "teahouse-data", "`folder` of the database, made when missing")
	flags.StringVar(&cfg.PublicURL, "public-url", "", "`URL` that people use, when it isn't an address of this machine")
	flags.StringVar(&cfg.BasePath, "base-path", "", "`path` that everything is under, like /chat")
	flags.StringSliceVar(&cfg.AllowOrigins, "allow-origin", nil, "further `origin` whose pages may connect, like https://example.com (repeatable)")
	flags.StringSliceVar(&cfg.TrustedProxies, "trusted-proxy", nil, "`CIDR` of proxies whose X-Forwarded-For and -Proto are believed (repeatable)")
	flags.StringVar(&cfg.Cert, "cert", "", "PEM `file` of the TLS certificate, with --key")
	flags.StringVar(&cfg.Key, "key", "", "PEM `file` of the TLS key, with --cert")
	flags.DurationVar(&cfg.Drain, "drain", 10*time.Second, "how long a shutdown may take to move followers off")
	flags.StringVar(&cfg.Limits, "limits", "on", "rate and connection limits, `on or off`; off is for load tests")
}

// checkConfig finds what can't be meant before anything is opened.
func checkConfig(cfg server.Config) error {
	if cfg.Limits != "on" && cfg.Limits != "off" {
		return wrongUsage("--limits %s: use on or off", cfg.Limits)
	}
	if (cfg.Cert == "") != (cfg.Key == "") {
		return wrongUsage("--cert and --key go together: give both or neither")
	}
	if cfg.Drain < 0 {
		return wrongUsage("--drain %s: use a time like 10s, or 0s for none", cfg.Drain)
	}
	if cfg.BasePath != "" && !strings.HasPrefix(cfg.BasePath, "/") {
		return wrongUsage("--base-path %s: use a path from the root, like /%[1]s", cfg.BasePath)
	}
	if cfg.PublicURL != "" && !isHTTP(cfg.PublicURL) {
		return wrongUsage("--public-url %s: use a whole URL, like https://chat.example.com", cfg.PublicURL)
	}
	for _, origin := range cfg.AllowOrigins {
		if u, err := url.Parse(origin); err != nil || !isHTTP(origin) || strings.Trim(u.Path, "/") != "" {
			return wrongUsage("--allow-origin %s: use scheme and host alone, like https://example.com", origin)
		}
	}
	for _, proxy := range cfg.TrustedProxies {
		if _, err := netip.ParsePrefix(proxy); err != nil {
			return wrongUsage("--trusted-proxy %s: use a CIDR, like 10.0.0.0/8 or 192.0.2.1/32", proxy)
		}
	}
	return nil
}

func isHTTP(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}
