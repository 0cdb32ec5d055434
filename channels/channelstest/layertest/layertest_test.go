package layertest_test

import (
	"os"
	"os/exec"
	"strconv"
	"testing"

	"go.uber.org/goleak"

	"github.com/teahouse-chat/teahouse/channels"
	"github.com/teahouse-chat/teahouse/channels/channelstest/layertest"
	"github.com/teahouse-chat/teahouse/channels/memlayer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newLayer(o layertest.Options) *memlayer.Layer {
	return memlayer.New(&memlayer.Options{
		Capacity: o.Capacity, ChannelCapacity: o.ChannelCapacity, Expiry: o.Expiry, GroupExpiry: o.GroupExpiry, Losses: o.Losses,
	})
}

// A layer's test is one line, but for what New makes of the options.
func ExampleRun() {
	testLayerKeepsTheContract := func(t *testing.T) {
		layertest.Run(t, layertest.Backend{
			New: func(_ *testing.T, o layertest.Options) channels.Layer {
				return memlayer.New(&memlayer.Options{
					Capacity: o.Capacity, ChannelCapacity: o.ChannelCapacity, Expiry: o.Expiry, GroupExpiry: o.GroupExpiry, Losses: o.Losses,
				})
			},
			Synctest: true,
		})
	}
	_ = testLayerKeepsTheContract // go test calls it, when it's named Test… and stands in a file of tests
	// Output:
}

// faultVar says which fault this process is to try.
const faultVar = "LAYERTEST_FAULT"

// A layer with a fault fails the test that is about it. As a test can't survive another one's failure, this one runs itself as a process for each fault.
func TestTheSuiteFindsFaults(t *testing.T) {
	if number, err := strconv.Atoi(os.Getenv(faultVar)); err == nil {
		layertest.Run(t, layertest.Backend{Synctest: true, New: func(_ *testing.T, o layertest.Options) channels.Layer {
			return faults[number].layer(o)
		}})
		return
	}
	for number, f := range faults {
		t.Run(f.what, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestTheSuiteFindsFaults$/^"+f.test+"$", "-test.timeout=60s", "-rapid.nofailfile")
			cmd.Env = append(os.Environ(), faultVar+"="+strconv.Itoa(number))
			if out, err := cmd.CombinedOutput(); err == nil {
				t.Errorf("%s passes\n%s", f.test, out)
			}
		})
	}
}
