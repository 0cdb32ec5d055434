package ratelimit

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestABucketHoldsItsBurstAndRefills(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(5, 20)
		take := func(key string) (n int) {
			for ok := true; ok; n++ {
				ok, _ = l.Allow(key)
			}
			return n - 1
		}
		if n := take("a"); n != 20 {
			t.Errorf("the burst is %d, want 20", n)
		}
		if n := take("b"); n != 20 {
			t.Errorf("another key's is %d, want 20", n)
		}
		for range 30 { // for longer than a bucket needs to be full again, so the generations turn
			time.Sleep(time.Second)
			if n := take("a"); n != 5 {
				t.Errorf("a second gives %d, want 5", n)
			}
		}
		time.Sleep(time.Hour)
		if n := take("a"); n != 20 {
			t.Errorf("an hour gives %d, want 20", n)
		}
	})
}

func TestRetryAfterIsWhenThereWillBeOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, rate := range []float64{0.1, 2, 50} {
			l := New(rate, 1)
			l.Allow("a")
			ok, wait := l.Allow("a")
			want := max(time.Duration(float64(time.Second)/rate), 100*time.Millisecond)
			if ok || wait != want {
				t.Errorf("%v a second: got %v, %v, want %v", rate, ok, wait, want)
			}
			time.Sleep(wait)
			if ok, _ := l.Allow("a"); !ok {
				t.Errorf("%v a second: not after the time that was told", rate)
			}
		}
	})
}

func TestMemoryIsBoundedHoweverManyKeysCome(t *testing.T) {
	l := New(1, 10)
	for i := range 5 * maxKeys {
		l.Allow(fmt.Sprint(i))
		if len(l.young) > maxKeys || len(l.old) > maxKeys {
			t.Fatalf("%d and %d keys are kept", len(l.young), len(l.old))
		}
	}
}

func TestUnusedKeysAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(1, 10)
		for i := range 100 {
			l.Allow(fmt.Sprint(i))
		}
		for range 3 {
			time.Sleep(11 * time.Second)
			l.Allow("other")
		}
		if len(l.young)+len(l.old) > 2 {
			t.Errorf("%d and %d keys are kept", len(l.young), len(l.old))
		}
	})
}

func TestNilLimiterAllowsEverything(t *testing.T) {
	var l *Limiter
	for range 1000 {
		if ok, wait := l.Allow("a"); !ok || wait != 0 {
			t.Fatalf("got %v, %v", ok, wait)
		}
	}
}

func TestConcurrentUsersShareABucket(t *testing.T) {
	l := New(0.001, 100)
	var allowed atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				if ok, _ := l.Allow("a"); ok {
					allowed.Add(1)
				}
			}
		})
	}
	all.Wait()
	if n := allowed.Load(); n != 100 {
		t.Errorf("%d were allowed, want 100", n)
	}
}

func TestSecondsAreRoundedUp(t *testing.T) {
	for d, want := range map[time.Duration]int{0: 0, 1: 1, time.Second: 1, 1001 * time.Millisecond: 2} {
		if got := Seconds(d); got != want {
			t.Errorf("%v: got %d, want %d", d, got, want)
		}
	}
}
