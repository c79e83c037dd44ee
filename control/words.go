package control

import "strings"

// noise are the words that Monit drops wherever they stand, so that rules read like sentences.
var noise = setOf("is as are for via on only with within without program programs and has using use the to sum than usage was times " +
	"but of or does per in last rate capacity activity option options")

// unit is what may follow a number: a dimension, and how many of its base units one of these is.
type unit struct {
	dimension dimension
	factor    float64
}

// dimension is what kind of quantity a unit measures. The zero value is a plain number.
type dimension string

const (
	aNumber   dimension = ""
	aPercent  dimension = "percent"
	aSize     dimension = "bytes"
	aTime     dimension = "units of time"
	aPacket   dimension = "packets"
	byteRate  dimension = "bytes per second"
	eventRate dimension = "operations per second"
)

// Monit's sizes are binary: 1 KB is 1024 bytes. Its month is 31 days.
const (
	kib   = 1024
	mib   = 1024 * kib
	gib   = 1024 * mib
	tib   = 1024 * gib
	day   = 24 * 60 * 60
	month = 31 * day
)

var units = map[string]unit{
	"%": {aPercent, 1}, "percent": {aPercent, 1},
	"b": {aSize, 1}, "byte": {aSize, 1}, "bytes": {aSize, 1},
	"kb": {aSize, kib}, "kilobyte": {aSize, kib}, "kilobytes": {aSize, kib},
	"mb": {aSize, mib}, "megabyte": {aSize, mib}, "megabytes": {aSize, mib},
	"gb": {aSize, gib}, "gigabyte": {aSize, gib}, "gigabytes": {aSize, gib},
	"tb": {aSize, tib}, "terabyte": {aSize, tib}, "terabytes": {aSize, tib},
	"b/s": {byteRate, 1}, "bytes/s": {byteRate, 1},
	"kb/s":         {byteRate, kib},
	"mb/s":         {byteRate, mib},
	"gb/s":         {byteRate, gib},
	"operations/s": {eventRate, 1}, "packets/s": {eventRate, 1},
	"packet": {aPacket, 1}, "packets": {aPacket, 1},
	"ms": {aTime, 0.001}, "millisecond": {aTime, 0.001}, "milliseconds": {aTime, 0.001},
	"s": {aTime, 1}, "sec": {aTime, 1}, "secs": {aTime, 1}, "second": {aTime, 1}, "seconds": {aTime, 1},
	"m": {aTime, 60}, "min": {aTime, 60}, "mins": {aTime, 60}, "minute": {aTime, 60}, "minutes": {aTime, 60},
	"h": {aTime, 60 * 60}, "hour": {aTime, 60 * 60}, "hours": {aTime, 60 * 60},
	"d": {aTime, day}, "day": {aTime, day}, "days": {aTime, day},
	"month": {aTime, month}, "months": {aTime, month},
}

// operators are the comparisons, as signs and as Monit's words.
var operators = map[string]Op{
	">": Greater, "gt": Greater, "greater": Greater, "older": Greater, "more": Greater,
	"<": Less, "lt": Less, "less": Less, "newer": Less,
	"=": Equal, "==": Equal, "eq": Equal, "equal": Equal,
	"!=": NotEqual, "ne": NotEqual, "notequal": NotEqual,
	">=": GreaterEqual, "ge": GreaterEqual,
	"<=": LessEqual, "le": LessEqual,
}

func setOf(words string) map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(words) {
		set[word] = true
	}
	return set
}
