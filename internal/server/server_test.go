package server_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/teahouse-chat/teahouse/internal/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs a server in this process until the test ends and returns the URL that it prints.
func start(t *testing.T, cfg server.Config) (url string) {
	t.Helper()
	cfg.Addr = "127.0.0.1:0"
	cfg.Data = filepath.Join(t.TempDir(), "data")
	cfg.Drain = 5 * time.Second
	ctx, stop := context.WithCancel(context.Background())
	in, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- server.Run(ctx, cfg, out, slog.New(slog.NewTextHandler(t.Output(), nil)))
		_ = out.Close()
	}()
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil {
		t.Fatalf("not serving: %v, %v", err, <-ended)
	}
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	return strings.TrimSpace(line)
}

func get(t *testing.T, client *http.Client, url string) (status int, body string) {
	t.Helper()
	defer client.CloseIdleConnections()
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestServesUnderItsBasePath(t *testing.T) {
	url := start(t, server.Config{BasePath: "chat/"})
	if !strings.HasSuffix(url, "/chat/room/lobby/") {
		t.Errorf("printed %q, want the lobby under /chat", url)
	}
	client := &http.Client{}
	if status, body := get(t, client, url); status != 200 || !strings.Contains(body, `data-base="/chat"`) {
		t.Errorf("got %d, want the page under /chat", status)
	}
	if status, _ := get(t, client, strings.Replace(url, "/chat", "", 1)); status != 404 {
		t.Errorf("outside of the base path: got %d, want 404", status)
	}
}

func TestReadinessIsACanaryThatNobodyCanFollow(t *testing.T) {
	url := start(t, server.Config{})
	root := strings.TrimSuffix(url, "room/lobby/")
	client := &http.Client{}
	for range 3 { // asked often, it still sings at most once a second
		if status, body := get(t, client, root+"readyz"); status != 200 {
			t.Errorf("readyz: got %d %s", status, body)
		}
	}
	if _, body := get(t, client, root+"room/canary/events?after=0"); !strings.Contains(body, `"head":0`) {
		t.Errorf("the room called canary is the canary's: %s", body)
	}
	_, metrics := get(t, client, root+"metrics")
	for _, want := range []string{"teahouse_sqlite_events_total 1\n", "teahouse_ws_opened_total 0\n", "teahouse_feed_topics"} {
		if !strings.Contains(metrics, want) {
			t.Errorf("metrics lack %q", want)
		}
	}
}

func TestServesOverTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	first := writePair(t, cert, key)
	url := start(t, server.Config{Cert: cert, Key: key})
	if !strings.HasPrefix(url, "https://") {
		t.Errorf("printed %q, want https", url)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: first}}}
	if status, _ := get(t, client, url); status != 200 {
		t.Errorf("got %d, want 200", status)
	}
}

func TestKeyPairFollowsItsFile(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writePair(t, cert, key)
	var log bytes.Buffer
	pair, err := server.LoadKeyPair(cert, key, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	serial := func() string {
		t.Helper()
		c, err := pair.Get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return c.Leaf.SerialNumber.String()
	}
	old := serial()
	if err := os.WriteFile(cert, []byte("half a certifi"), 0o600); err != nil {
		t.Fatal(err)
	}
	later(t, cert, time.Hour)
	pair.LookAgain()
	if serial() != old || !strings.Contains(log.String(), "the old one stays") {
		t.Errorf("an unreadable certificate replaced the old one, or wasn't logged: %s", log.String())
	}
	writePair(t, cert, key)
	later(t, cert, 2*time.Hour)
	pair.LookAgain()
	if serial() == old {
		t.Error("the new certificate isn't used")
	}
}

func later(t *testing.T, path string, by time.Duration) {
	t.Helper()
	at := time.Now().Add(by)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

// writePair writes a self-signed certificate for localhost and returns the pool that trusts it.
func writePair(t *testing.T, certFile, keyFile string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: serial, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "EC PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return pool
}

func TestConfigThatCanNotBeMeantIsRefused(t *testing.T) {
	for _, c := range []struct {
		cfg  server.Config
		want string
	}{
		{server.Config{}, ""},
		{server.Config{PublicURL: "https://chat.example.com/tea", TrustedProxies: []string{"10.0.0.1", "fd00::/8"}}, ""},
		{server.Config{Limits: "maybe"}, "on or off"},
		{server.Config{Cert: "c.pem"}, "go together"},
		{server.Config{Drain: -time.Second}, "like 10s"},
		{server.Config{BasePath: "/a b"}, "like /chat"},
		{server.Config{BasePath: "/../x"}, "like /chat"},
		{server.Config{PublicURL: "chat.example.com"}, "like https://"},
		{server.Config{PublicURL: "https://x.example/a b"}, "like /chat"},
		{server.Config{AllowOrigins: []string{"example.com"}}, "like https://"},
		{server.Config{AllowOrigins: []string{"https://example.com/path"}}, "like https://"},
		{server.Config{TrustedProxies: []string{"proxy"}}, "like 10.0.0.0/8"},
	} {
		err := c.cfg.Validate()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: got %v, want %q", c.cfg, err, c.want)
		}
	}
}
