package chat

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// Guests gives devices an author id that they can prove to be theirs, without an account: a token that only this server can have
// made. Its methods may be called concurrently.
type Guests struct{ key []byte }

// NewGuests makes Guests with the store's secret.
func NewGuests(ctx context.Context, store Store) (*Guests, error) {
	key, err := store.Secret(ctx, "guest")
	if err != nil {
		return nil, err
	}
	return &Guests{key}, nil
}

// New makes the id of a new guest and the token that proves it.
func (g *Guests) New() (id, token string) {
	id = guestPrefix + strings.ToLower(rand.Text())
	return id, g.token(id)
}

// token is the proof of a guest's id.
func (g *Guests) token(id string) string { return id + "." + g.sign("guest", id) }

// Verify returns the id that a token proves; ok is false for a token that this server didn't make.
func (g *Guests) Verify(token string) (id string, ok bool) {
	id, signature, found := strings.Cut(token, ".")
	if !found || len(token) > 256 || !strings.HasPrefix(id, guestPrefix) {
		return "", false
	}
	return id, hmac.Equal([]byte(signature), []byte(g.sign("guest", id)))
}

// sign signs a text for one purpose, so that what is signed for another proves nothing.
func (g *Guests) sign(purpose, text string) string {
	mac := hmac.New(sha256.New, g.key)
	mac.Write([]byte("teahouse " + purpose + "\x00" + text))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
