package main

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/teahouse-chat/teahouse/internal/redistest"
)

// A djangoApp is the project in the folder django, with Redis and daphne.
type djangoApp struct {
	t   *testing.T
	env []string
	url string
}

// startDjango starts daphne, with a database in which ann has a password. It all ends with the test.
func startDjango(t *testing.T, redis *redistest.Server) *djangoApp {
	t.Helper()
	app := &djangoApp{t: t, env: append(os.Environ(),
		"PYTHONDONTWRITEBYTECODE=1", "REDIS="+redis.URL(), "DATABASE="+filepath.Join(t.TempDir(), "db.sqlite3"),
		"DJANGO_SUPERUSER_PASSWORD=two teas")}
	app.manage("migrate", "-v", "0")
	app.manage("createsuperuser", "--noinput", "--username", "ann", "--email", "ann@example.com")

	listener, err := net.Listen("tcp", "127.0.0.1:0") // daphne takes it over: so no other process can be on the port
	if err != nil {
		t.Fatal(err)
	}
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	app.url = "http://" + listener.Addr().String()
	daphne := app.python("-m", "daphne", "-v", "0", "--fd", "3", "asgi:application")
	daphne.ExtraFiles = []*os.File{file}
	var log bytes.Buffer
	daphne.Stdout, daphne.Stderr = &log, &log
	if err := daphne.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = file.Close(), listener.Close()
	t.Cleanup(func() {
		_ = daphne.Process.Signal(syscall.SIGTERM) // it may have ended
		kill := time.AfterFunc(10*time.Second, func() { _ = daphne.Process.Kill() })
		_ = daphne.Wait()
		kill.Stop()
		if t.Failed() {
			t.Logf("daphne said: %s", log.Bytes())
		}
	})
	app.awaitPage()
	return app
}

// awaitPage returns when Django answers.
func (app *djangoApp) awaitPage() {
	app.t.Helper()
	client := &http.Client{Timeout: 30 * time.Second} // the socket listens already, so the request waits
	defer client.CloseIdleConnections()
	answer, err := client.Get(app.url + "/room/123/")
	if err != nil {
		app.t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		app.t.Fatalf("Django answers %s", answer.Status)
	}
}

// python is a command of the system's Python in the project.
func (app *djangoApp) python(args ...string) *exec.Cmd {
	cmd := exec.Command("/usr/bin/python3", args...)
	cmd.Dir, cmd.Env = "django", app.env
	return cmd
}

// manage runs manage.py.
func (app *djangoApp) manage(args ...string) {
	app.t.Helper()
	if out, err := app.python(append([]string{"manage.py"}, args...)...).CombinedOutput(); err != nil {
		app.t.Fatalf("manage.py %s: %v\n%s", args, err, out)
	}
}
