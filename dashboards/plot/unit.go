package plot

import (
	"math"
	"strconv"
	"strings"
)

// Unit says how values are written. The zero value is a plain number.
type Unit string

// The units.
const (
	Number         Unit = ""
	Percent        Unit = "percent" // 0 to 100
	Bytes          Unit = "bytes"   // IEC: 1 KiB = 1024 bytes
	BytesPerSecond Unit = "bytes_per_second"
	Seconds        Unit = "seconds"
	PerSecond      Unit = "per_second"
	Unscaled       Unit = "unscaled" // a plain number that is not written with k or M
	State          Unit = "state"    // 0 unknown, 1 ok, 2 warning, 3 critical
)

var stateWords = [...]string{"unknown", "ok", "warning", "critical"}

// Format writes a value as a person reads it: "37 %", "3.1 GiB", "12 ms". A value that is not finite is "no data".
func (u Unit) Format(v float64) string {
	if !finite(v) {
		return "no data"
	}
	switch u {
	case Percent:
		return digits(v) + " %"
	case Bytes:
		return scaled(v, 1024, []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"})
	case BytesPerSecond:
		return scaled(v, 1024, []string{"B/s", "KiB/s", "MiB/s", "GiB/s", "TiB/s"})
	case Seconds:
		return seconds(v)
	case PerSecond:
		return count(v) + "/s"
	case State:
		if i := int(math.Round(v)); i >= 0 && i < len(stateWords) {
			return stateWords[i]
		}
	case Unscaled:
		return digits(v)
	case Number:
	}
	return count(v)
}

// finite reports whether v can be drawn. Beyond the limit the length of an axis would overflow.
func finite(v float64) bool {
	const limit = 1e300
	return v > -limit && v < limit
}

// digits writes v with about three significant digits and no trailing zeros.
func digits(v float64) string {
	places := 0
	switch a := math.Abs(v); {
	case a >= 99.5 || a == 0:
	case a >= 9.95:
		places = 1
	default:
		places = 2
	}
	text := strconv.FormatFloat(v, 'f', places, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	if text == "-0" {
		return "0"
	}
	return text
}

func scaled(v, base float64, names []string) string {
	i := 0
	for math.Abs(v) >= base && i < len(names)-1 {
		v /= base
		i++
	}
	if i == 0 {
		return digits(math.Round(v)) + " " + names[0]
	}
	return digits(v) + " " + names[i]
}

// count writes a number that counts in no unit. A small one keeps its digits; below a millionth it is what adding up left over.
func count(v float64) string {
	switch a := math.Abs(v); {
	case a >= 1e-6 && a < 0.01:
		places := 2 - int(math.Floor(math.Log10(a)))
		return strings.TrimRight(strconv.FormatFloat(v, 'f', places, 64), "0")
	case a < 10000:
		return digits(v)
	}
	return strings.TrimSuffix(scaled(v, 1000, []string{"", "k", "M", "G", "T", "P"}), " ")
}

func seconds(v float64) string {
	switch a := math.Abs(v); {
	case a == 0:
		return "0 s"
	case a < 1e-3:
		return digits(v*1e6) + " µs"
	case a < 1:
		return digits(v*1e3) + " ms"
	case a < 120:
		return digits(v) + " s"
	case a < 7200:
		return digits(v/60) + " min"
	case a < 48*3600:
		return digits(v/3600) + " h"
	}
	return digits(v/86400) + " d"
}
