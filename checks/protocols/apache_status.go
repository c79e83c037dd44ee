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
		Doc: "The far side is an Apache whose mod_status answers /server-status?auto, or the test's path, and no share of its workers passes a limit: " +
			"loglimit, closelimit, dnslimit, keepalivelimit, replylimit, requestlimit, startlimit, waitlimit, gracefullimit, cleanuplimit, " +
			"each in whole percent of all the workers there may be (the slots of its scoreboard, open ones included).",
		Validate: validateApacheStatus,
		Speak:    speakApacheStatus,
	})
}

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
	asked.HTTP.Request = cmp.Or(asked.HTTP.Request, "/server-status")
	if !strings.Contains(asked.HTTP.Request, "?") {
		asked.HTTP.Request += "?auto" // for programs; without it the page is for people
	}
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

// shareOf is the whole percentage of slots in one state, rounded down as Monit does, which counts open slots too whatever its manual says.
func shareOf(board string, state rune) float64 {
	if board == "" {
		return 0
	}
	return float64(100 * strings.Count(board, string(state)) / len(board))
}

func percent(share float64) string { return strconv.FormatFloat(share, 'g', -1, 64) }
