package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	_ "image/gif"
	_ "image/jpeg"
	"image/png"

	"github.com/teahouse-chat/teahouse/channels"
)

const (
	side    = 128      // of a thumbnail, in pixels, at most
	maxArea = 16 << 20 // of a picture, in pixels
)

// work does tasks until ctx ends.
func work(ctx context.Context, layer channels.Layer) error {
	worker := &channels.Worker{Layer: layer, Tasks: map[string]func(context.Context, channels.Message) error{
		"thumbnail.make": func(ctx context.Context, m channels.Message) error {
			picture, _ := m["picture"].([]byte)
			answer := channels.Message{"type": "thumbnail.made"}
			thumbnail, err := makeThumbnail(picture)
			if err != nil {
				answer["error"] = err.Error()
			} else {
				answer["thumbnail"] = thumbnail
			}
			return layer.Send(ctx, m.Str("answer_to"), answer)
		},
	}}
	return worker.Run(ctx, "thumbnails")
}

// makeThumbnail makes a small PNG of a PNG, JPEG or GIF.
func makeThumbnail(picture []byte) ([]byte, error) {
	size, _, err := image.DecodeConfig(bytes.NewReader(picture))
	if err != nil {
		return nil, fmt.Errorf("read the picture: %w", err)
	}
	if size.Width*size.Height > maxArea {
		return nil, fmt.Errorf("the picture has %d × %d pixels, which is too large", size.Width, size.Height)
	}
	big, _, err := image.Decode(bytes.NewReader(picture))
	if err != nil {
		return nil, fmt.Errorf("read the picture: %w", err)
	}
	var b bytes.Buffer
	err = png.Encode(&b, shrink(big))
	return b.Bytes(), err
}

// shrink takes every n-th pixel, so that the longer side has at most side of them.
func shrink(big image.Image) image.Image {
	from := big.Bounds()
	n := max(1, (max(from.Dx(), from.Dy())+side-1)/side)
	small := image.NewNRGBA(image.Rect(0, 0, (from.Dx()+n-1)/n, (from.Dy()+n-1)/n))
	for y := range small.Rect.Dy() {
		for x := range small.Rect.Dx() {
			small.Set(x, y, big.At(from.Min.X+x*n, from.Min.Y+y*n))
		}
	}
	return small
}
