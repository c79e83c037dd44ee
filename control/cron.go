package control

import (
	"fmt"
	"strconv"
	"strings"
)

// cronFields are the five fields of crontab(5) and their bounds; Sunday is 0 and 7.
var cronFields = [...]struct {
	name        string
	least, most int
}{{"minute", 0, 59}, {"hour", 0, 23}, {"day of month", 1, 31}, {"month", 1, 12}, {"day of week", 0, 7}}

var (
	months   = strings.Fields("jan feb mar apr may jun jul aug sep oct nov dec")
	weekdays = strings.Fields("sun mon tue wed thu fri sat")
)

// plainCron writes a schedule with one space between fields and numbers for the names of months and days.
func plainCron(schedule string) string {
	fields := strings.Fields(schedule)
	if len(fields) == len(cronFields) {
		fields[3] = numbered(fields[3], months, 1)
		fields[4] = numbered(fields[4], weekdays, 0)
	}
	return strings.Join(fields, " ")
}

// numbered replaces names by their numbers, counted from first.
func numbered(field string, names []string, first int) string {
	for i, name := range names {
		for at := strings.Index(strings.ToLower(field), name); at >= 0; at = strings.Index(strings.ToLower(field), name) {
			field = field[:at] + strconv.Itoa(i+first) + field[at+len(name):]
		}
	}
	return field
}

// checkCron reports what is wrong with a schedule. A field is a list of *, N or N-M, each with an optional /STEP.
func checkCron(schedule string) error {
	fields := strings.Fields(schedule)
	if len(fields) != len(cronFields) {
		return fmt.Errorf("a cron schedule has 5 fields, this one has %d", len(fields))
	}
	for i, field := range fields {
		for item := range strings.SplitSeq(field, ",") {
			if !cronItem(item, cronFields[i].least, cronFields[i].most) {
				return fmt.Errorf("%s is no %s from %d to %d", quote(item), cronFields[i].name, cronFields[i].least, cronFields[i].most)
			}
		}
	}
	return nil
}

func cronItem(item string, least, most int) bool {
	span, step, stepped := strings.Cut(item, "/")
	if n, err := strconv.ParseUint(step, 10, 8); stepped && (err != nil || n == 0) {
		return false
	}
	if span == "*" {
		return true
	}
	from, to, ranged := strings.Cut(span, "-")
	if !ranged {
		to = from
	}
	low, errLow := strconv.ParseUint(from, 10, 8)
	high, errHigh := strconv.ParseUint(to, 10, 8)
	return errLow == nil && errHigh == nil && least <= int(low) && low <= high && int(high) <= most
}
