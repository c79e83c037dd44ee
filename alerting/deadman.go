package alerting

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// keepAlive asks the dead man's address at its interval: when that stops, for whatever reason, the far side raises the alarm.
// Only a change between reached and not reached is logged.
func (d *Desk) keepAlive(ctx context.Context) {
	client := &http.Client{Timeout: attemptTimeout}
	ticker := time.NewTicker(d.settings.DeadMan.Every)
	defer ticker.Stop()
	reached := true
	for {
		err := ping(ctx, client, d.settings.DeadMan.URL)
		if ctx.Err() != nil {
			return
		}
		if (err == nil) != reached {
			reached = err == nil
			d.log.Warn("dead man's switch", "reached", reached, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func ping(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 4<<10))
	if resp.StatusCode/100 != 2 {
		err = fmt.Errorf("answered %s", resp.Status)
	}
	if closeErr := resp.Body.Close(); err == nil {
		err = closeErr
	}
	return err
}
