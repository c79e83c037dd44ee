package protocols

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/dialtone/dialtone/control"
)

func init() {
	register(Protocol{
		Name: "apache-status",
		Doc: "The far side is an Apache whose mod_status answers /server-status?auto, or the test's request, and no share of its workers passes a limit: " +
			"loglimit, closelimit, dnslimit, keepalivelimit, replylimit, requestlimit, startlimit, waitlimit, gracefullimit, cleanuplimit, " +
			"each in percent of the workers that run.",
		Validate: validateApacheStatus,
		Speak:    speakApacheStatus,
	})
}

const (
	apacheStatusPath = "/server-status?auto"
	openSlot         = '.' // of the scoreboard: a worker that does not run
)

// apacheStates are the letters of mod_status' scoreboard, by the limits that speak of them.
var apacheStates = map[string]rune{
	"waitlimit":      '_',
	"startlimit":     'S',
	"requestlimit":   'R',
	"readlimit":      'R',
	"replylimit":     'W',
	"keepalivelimit": 'K',
	"dnslimit":       'D',
	"closelimit":     'C',
	"loglimit":       'L',
	"gracefullimit":  'G',
	"cleanuplimit":   'I',
}

func validateApacheStatus(c *control.Connection) error {
	for _, limit := range c.ApacheStatus {
		if _, known := apacheStates[limit.Name]; !known {
			return fmt.Errorf("apache-status has no limit %q", limit.Name)
		}
	}
	return validateHTTP(c)
}

func speakApacheStatus(ctx context.Context, conn net.Conn, t Target) error {
	asked := *t.Connection
	asked.HTTP.Request = cmp.Or(asked.HTTP.Request, apacheStatusPath)
	asked.HTTP.Method = http.MethodGet
	t.Connection = &asked
	req, err := request(ctx, t)
	if err != nil {
		return tell("the request to %s cannot be written: %v", t, err)
	}
	answer, err := exchange(conn, req, t)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if err := judgeStatus(answer, t); err != nil {
		return err
	}
	var text bytes.Buffer
	if err := copyBody(&text, answer.Body, t); err != nil {
		return err
	}
	return judgeScoreboard(text.Bytes(), t)
}

// judgeScoreboard finds the line that shows each worker as a letter, and counts them.
func judgeScoreboard(text []byte, t Target) error {
	for line := range bytes.Lines(text) {
		board, is := strings.CutPrefix(string(line), "Scoreboard: ")
		if !is {
			continue
		}
		board = strings.TrimRight(board, "\r\n")
		for _, limit := range t.ApacheStatus {
			if share := shareOf(board, apacheStates[limit.Name]); limit.Op.Holds(share, limit.Percent) {
				return tell("Apache at %s has %s %% of its workers in the state of %s (limit %s %s %%)",
					t, percent(share), limit.Name, limit.Op, percent(limit.Percent))
			}
		}
		return nil
	}
	return tell("%s answered to %s without a scoreboard, which is not Apache's mod_status", t, t.HTTP.Request)
}

// shareOf is the percentage of running workers in one state; 0 when none runs.
func shareOf(board string, state rune) float64 {
	running := len(board) - strings.Count(board, string(openSlot))
	if running == 0 {
		return 0
	}
	return 100 * float64(strings.Count(board, string(state))) / float64(running)
}

func percent(share float64) string { return strconv.FormatFloat(share, 'g', 3, 64) }
