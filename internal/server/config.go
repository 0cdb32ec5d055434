package server

import "time"

// Config is all that can be set. Every field has a flag and an environment variable of the same name (TEAHOUSE_PUBLIC_URL
// for --public-url); the zero value of a field means its default.
type Config struct {
	Addr           string        // where to listen; default 127.0.0.1:8000
	Data           string        // folder of the database, made when missing; default teahouse-data
	PublicURL      string        // the URL that people use, when it isn't an address of this machine; default none
	BasePath       string        // path that everything is under, like /chat; default none
	AllowOrigins   []string      // browser origins besides the server's own, like https://example.com; default none
	TrustedProxies []string      // addresses or ranges (CIDR) of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed; default none
	Cert, Key      string        // PEM files; both or neither; default plain HTTP
	Drain          time.Duration // how long a shutdown may take to move followers off; default 10s
	Limits         string        // "on" or "off": rate and connection limits, for load tests; sizes always hold; default on
}
