package host

import (
	"context"
	"fmt"

	"github.com/dialtone/dialtone"
	"golang.org/x/sys/unix"
)

func init() {
	register(source{
		name: "clock",
		families: []dialtone.Metric{
			gauge("node_time_seconds", "seconds", "The machine's clock, in Unix time."),
			gauge("node_timex_estimated_error_seconds", "seconds", "Error of the clock as its discipline estimates it."),
			gauge("node_timex_frequency_adjustment_ratio", "", "How the clock's frequency is adjusted; 1 is not at all."),
			gauge("node_timex_maxerror_seconds", "seconds", "Largest possible error of the clock."),
			gauge("node_timex_offset_seconds", "seconds", "Offset that is being worked off."),
			gauge("node_timex_sync_status", "", "1 when the clock follows a reference, else 0."),
			gauge("node_timex_tai_offset_seconds", "seconds", "Offset of international atomic time."),
		},
		start: func(Config) collector { return clock{} },
	})
}

// clock asks the kernel how good its clock is (adjtimex(2)).
type clock struct{}

const (
	clockUnsynchronized = 5      // TIME_ERROR
	statusNano          = 0x2000 // STA_NANO: the offset is in nanoseconds
)

func (clock) collect(_ context.Context, b *batch) error {
	b.add("node_time_seconds", nil, float64(b.at.UnixMilli())/1e3)
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	if err != nil {
		return fmt.Errorf("asking for the state of the clock: %w", err)
	}
	synchronized, unit := 1.0, 1e-6
	if state == clockUnsynchronized {
		synchronized = 0
	}
	if t.Status&statusNano != 0 {
		unit = 1e-9
	}
	b.add("node_timex_sync_status", nil, synchronized)
	b.add("node_timex_offset_seconds", nil, float64(t.Offset)*unit)
	b.add("node_timex_maxerror_seconds", nil, float64(t.Maxerror)/1e6)
	b.add("node_timex_estimated_error_seconds", nil, float64(t.Esterror)/1e6)
	b.add("node_timex_frequency_adjustment_ratio", nil, 1+float64(t.Freq)/65536/1e6)
	b.add("node_timex_tai_offset_seconds", nil, float64(t.Tai))
	return nil
}
