package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"
)

// starts measures `dialtone up` with an empty folder, from the start of the program on, and then the last one at rest.
func starts(ctx context.Context, b *bench) error {
	var page, live []time.Duration
	for i := range b.starts {
		s, toPage, toLive, err := b.startToLive(ctx)
		if err != nil {
			return err
		}
		page, live = append(page, toPage), append(live, toLive)
		if i < b.starts-1 {
			s.stop()
			continue
		}
		defer s.stop()
		if err := b.upAtRest(ctx, s); err != nil {
			return err
		}
	}
	fmt.Fprintf(b.out, "\n%d starts, each with an empty folder; `up` looks at the machine and writes its control file first.\n\n%s", b.starts, table([][]string{
		{"from the start to", "median", "p95", "max"},
		append([]string{"the first page"}, spread(page)...),
		append([]string{"a graph with data on the host's page"}, spread(live)...),
	}))
	return nil
}

func (b *bench) startToLive(ctx context.Context) (s *server, page, live time.Duration, err error) {
	dir, err := b.place("up")
	if err != nil {
		return nil, 0, 0, err
	}
	began := time.Now()
	if s, err = b.startServer(ctx, "up", dir); err != nil {
		return nil, 0, 0, err
	}
	page = time.Since(began)
	if err := s.untilLive(ctx, patience); err != nil {
		s.stop()
		return nil, 0, 0, fmt.Errorf("%w; dialtone up printed: %s", err, s.Output())
	}
	return s, page, time.Since(began), nil
}

// untilLive waits until a graph on the page of the only host has a line of data.
func (s *server) untilLive(ctx context.Context, within time.Duration) error {
	return until(ctx, 10*time.Millisecond, within, func() error {
		n, err := s.theNode(ctx)
		if err != nil {
			return err
		}
		body, err := get(ctx, s.url+"/hosts/"+url.PathEscape(n.Name))
		if err != nil {
			return err
		}
		if !hasLine(body) {
			return errors.New("no graph has data")
		}
		return nil
	})
}

// hasLine reports whether a page holds a graph with a line of data: the class is the one that the style sheet colors.
func hasLine(page []byte) bool { return bytes.Contains(page, []byte(`<path class="p-data"`)) }

func (b *bench) upAtRest(ctx context.Context, s *server) error {
	n, err := s.theNode(ctx)
	if err != nil {
		return err
	}
	if err := wait(ctx, 10*time.Second); err != nil {
		return err
	}
	rests, err := atRest(ctx, b.idle, s.PID())
	if err != nil {
		return err
	}
	series, err := s.count(ctx, `{job=~".+"}`)
	if err != nil {
		return err
	}
	fmt.Fprintf(b.out, "`dialtone up` at rest, for %v, nobody looking at a page:\n\n%s", b.idle, table([][]string{
		{"services that it found here", "series", "CPU s/min", "of its children", "RSS MiB"},
		append([]string{fmt.Sprint(len(n.Services)), series}, rests[0].cells()...),
	}))
	return nil
}
