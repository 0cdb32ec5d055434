package main

import (
	"log/slog"
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
			if err := cfg.Validate(); err != nil {
				return usageError{err}
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
	flags.StringSliceVar(&cfg.TrustedProxies, "trusted-proxy", nil, "address or `range` of proxies whose X-Forwarded-For and -Proto are believed, like 10.0.0.0/8 (repeatable)")
	flags.StringVar(&cfg.Cert, "cert", "", "PEM `file` of the TLS certificate, with --key")
	flags.StringVar(&cfg.Key, "key", "", "PEM `file` of the TLS key, with --cert")
	flags.DurationVar(&cfg.Drain, "drain", 10*time.Second, "how long a shutdown may take to move followers off")
	flags.StringVar(&cfg.Limits, "limits", "on", "rate and connection limits, `on or off`; off is for load tests")
}
