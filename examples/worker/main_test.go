package main

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/png"
	"net"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/examples/internal/peer"
	"github.com/teahouse-chat/teahouse/internal/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs what the program does with its layer, until the test ends; then the layer is closed.
func start(t *testing.T, layerName string, do func(ctx context.Context, layer channels.Layer) error) {
	t.Helper()
	layer, err := openLayer(t.Context(), layerName)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- do(ctx, layer) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := layer.Close(); err != nil {
			t.Error(err)
		}
	})
}

func listen(t *testing.T) (l net.Listener, url string) {
	t.Helper()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	return l, "http://" + l.Addr().String()
}

// picture is a PNG of one colour.
func picture(t *testing.T, width, height int, c color.Color) []byte {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		img.Set(i%width, i/width, c)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// checkThumbnails sends a picture and what is none to a program that serves.
func checkThumbnails(t *testing.T, url string) {
	t.Helper()
	if html := peer.Get(t, url+"/"); !strings.Contains(html, "图片") {
		t.Errorf("the page is %.80q", html)
	}
	green := color.RGBA{G: 0x80, A: 0xFF}
	ann, bob := peer.Dial(t, url, "/", nil), peer.Dial(t, url, "/", nil)
	ann.Show(picture(t, 1000, 500, green))
	bob.Say("no picture")
	b, _ := ann.Next()
	thumbnail, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("got %.100q: %v", b, err)
	}
	if got := thumbnail.Bounds().Max; got != image.Pt(125, 63) || thumbnail.At(124, 62) != green {
		t.Errorf("got %v of %v", got, thumbnail.At(124, 62))
	}
	bob.Hears("read the picture: image: unknown format")
}

func TestOneProcessDoesBoth(t *testing.T) {
	listener, url := listen(t)
	start(t, "memory", func(ctx context.Context, layer channels.Layer) error { return both(ctx, listener, layer) })
	checkThumbnails(t, url)
}

func TestWorkersAreOtherProcesses(t *testing.T) {
	redis := redistest.Start(t)
	listener, url := listen(t)
	start(t, redis.URL(), func(ctx context.Context, layer channels.Layer) error { return serve(ctx, listener, layer) })
	start(t, redis.URL(), work)
	start(t, redis.URL(), work)
	checkThumbnails(t, url)
}

func TestPicturesThatWouldTakeTooMuchMemoryAreRefused(t *testing.T) {
	header := []byte("GIF89a\xFF\xFF\xFF\xFF\x00\x00\x00") // 65,535 × 65,535
	if _, err := makeThumbnail(header); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("got %v", err)
	}
}
