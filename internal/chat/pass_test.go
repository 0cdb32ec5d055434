package chat_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/teahouse-chat/teahouse/internal/chat"
)

func TestPassIsGoodOnceAndForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		guests, err := chat.NewGuests(t.Context(), &store{})
		if err != nil {
			t.Fatal(err)
		}
		passes := chat.NewPasses(guests)
		ann, token := guests.New()
		pass, ends := passes.New(ann)
		if !ends.Equal(time.Now().Add(chat.PassTime)) || strings.ContainsAny(pass, "/?# ") {
			t.Errorf("the pass %q ends %v", pass, ends)
		}
		for _, bad := range []string{"", ".", "...", token, pass + "x", "g-bob" + pass[strings.IndexByte(pass, '.'):], strings.Replace(pass, ".", ".z", 1)} {
			if _, _, ok := passes.Use(bad); ok || passes.Good(bad) {
				t.Errorf("%q is taken for a pass", bad)
			}
		}
		if _, ok := guests.Verify(pass); ok {
			t.Error("a pass is taken for a guest's token")
		}
		for range 2 {
			if !passes.Good(pass) {
				t.Error("looking at a pass ends it")
			}
		}
		if id, again, ok := passes.Use(pass); !ok || id != ann || again != token {
			t.Errorf("used: got %q, %q, %v; want %q, %q", id, again, ok, ann, token)
		}
		if _, _, ok := passes.Use(pass); ok || passes.Good(pass) {
			t.Error("a pass is good twice")
		}
		late, _ := passes.New(ann)
		time.Sleep(chat.PassTime)
		if _, _, ok := passes.Use(late); ok {
			t.Error("a pass is good after its time")
		}
	})
}
