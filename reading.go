package dialtone

import (
	"fmt"
	"strconv"
	"time"
)

// String is the value with its unit, as a person reads it: "1.5 MiB", "80.0 %", "3m05s".
func (v NamedValue) String() string {
	switch v.Unit {
	case "bytes":
		return bytesText(v.Value)
	case "bytes_per_second":
		return bytesText(v.Value) + "/s"
	case "percent":
		return strconv.FormatFloat(v.Value, 'f', 1, 64) + " %"
	case "seconds":
		return Span(time.Duration(v.Value * float64(time.Second)))
	}
	return strconv.FormatFloat(v.Value, 'f', -1, 64)
}

func bytesText(n float64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	i := 0
	for n >= 1024 && i < len(units)-1 {
		n /= 1024
		i++
	}
	if i == 0 {
		return strconv.FormatFloat(n, 'f', 0, 64) + " B"
	}
	return strconv.FormatFloat(n, 'f', 1, 64) + " " + units[i]
}

// Span is a duration in its two largest units: "45s", "3m05s", "2d04h". A negative one is "0s".
func Span(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < time.Second:
		return strconv.Itoa(int(d.Milliseconds())) + "ms"
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd%02dh", int(d.Hours())/24, int(d.Hours())%24)
}
