package server

import "testing"

func TestMemoryIsGivenBackOnceAtRest(t *testing.T) {
	const mb = 1 << 20
	var r rest
	for i, look := range []struct {
		allocated, heap uint64
		due             bool
	}{
		{50 * mb, 40 * mb, false},  // it starts
		{51 * mb, 40 * mb, true},   // and waits
		{52 * mb, 20 * mb, false},  // there is nothing to give
		{54 * mb, 20 * mb, false},  //
		{56 * mb, 20 * mb, false},  // a tenth in a minute isn't quiet
		{57 * mb, 20 * mb, true},   // a little each minute adds up
		{300 * mb, 90 * mb, false}, // a rush
		{600 * mb, 90 * mb, false},
		{605 * mb, 90 * mb, true},
		{605 * mb, 30 * mb, false},
	} {
		if got := r.due(look.allocated, look.heap); got != look.due {
			t.Errorf("look %d: %v, want %v", i, got, look.due)
		}
	}
}
