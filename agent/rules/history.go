package rules

import (
	"math/bits"

	"github.com/dialtone/dialtone/control"
)

// history is the last 64 verdicts, the newest in the lowest bit (1 = failing), and how many of them are real.
type history struct {
	bits uint64
	seen int
}

func (h *history) add(failing bool) {
	h.bits <<= 1
	if failing {
		h.bits |= 1
	}
	h.seen = min(h.seen+1, 64)
}

// reached reports whether enough of the newest verdicts are of one kind: w.Count of the last w.Cycles.
func (h *history) reached(failing bool, w control.Window) bool {
	count, cycles := max(w.Count, 1), max(w.Cycles, w.Count, 1)
	within := min(cycles, h.seen, 64)
	newest := h.bits
	if within < 64 {
		newest &= 1<<within - 1
	}
	ones := bits.OnesCount64(newest)
	if failing {
		return ones >= count
	}
	return within-ones >= count
}
