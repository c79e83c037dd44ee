package mail

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dialtone/dialtone/control"
)

// due are the letters that are to be written now, the oldest matter first.
func (ms *matters) due(file *control.File, now time.Time) []letter {
	here := ms.look(now)
	keys := slices.SortedFunc(maps.Keys(ms.all), func(a, b string) int {
		if c := ms.all[a].Taken.Compare(ms.all[b].Taken); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	})
	var letters []letter
	for _, key := range keys {
		m := ms.all[key]
		switch {
		case len(m.Unsaid) == 0 && specOf(file, m.Service) == nil:
			ms.forget(key) // it is not in the control file any more
		case len(m.Unsaid) == 0:
			if !here.collects {
				letters = append(letters, ms.remind(file, key, m, now)...)
			}
		case here.acked:
			letters = append(letters, ms.leave(file, key, m, now)...)
		case (here.alone || here.away || now.Sub(m.Taken) >= ms.timing.away) && !now.Before(m.Hold):
			letters = append(letters, ms.tell(file, key, m, here.url, now)...)
		}
	}
	return letters
}

// sight is how the collector stands at one moment.
type sight struct {
	alone    bool   // there is none
	acked    bool   // it has acknowledged all that is known here
	away     bool   // it has been out of reach for long enough
	collects bool   // it is in reach, and reminds by itself
	url      string // of one that is out of reach; what is mailed names it
}

// look asks how the collector stands. What is known here was handed to it before.
func (ms *matters) look(now time.Time) sight {
	if ms.cfg.Collector == nil {
		return sight{alone: true}
	}
	r := ms.cfg.Collector()
	since := r.Since
	if since.Before(ms.began) {
		since = ms.began // also of one that was never connected
	}
	return sight{
		acked: r.Unacked == 0, url: r.URL, collects: r.Connected && r.Unacked == 0,
		away: !r.Connected && now.Sub(since) >= ms.timing.away,
	}
}

// tell writes to all who want to know of what is unsaid, and to those who know that it broke.
func (ms *matters) tell(file *control.File, key string, m *matter, away string, now time.Time) []letter {
	to := receiversOf(file, m.Service, m.types())
	if m.Over != nil {
		to = slices.Concat(to, ms.knowing(file, m, to))
	}
	letters := make([]letter, 0, len(to))
	for _, r := range to {
		letters = append(letters, letter{receiver: r, matter: *m, away: away, at: now, known: !m.Told[r.address].IsZero()})
	}
	ms.said(key, m, to, now)
	return letters
}

// leave lets the collector tell what it has acknowledged. Only who was mailed that something broke is mailed its end.
func (ms *matters) leave(file *control.File, key string, m *matter, now time.Time) []letter {
	var letters []letter
	if m.Over != nil {
		for _, r := range ms.knowing(file, m, nil) {
			letters = append(letters, letter{receiver: r, matter: *m, at: now, known: true})
		}
	}
	ms.said(key, m, nil, now)
	return letters
}

// said ends what was told: a matter that stands stays, to be told the end of, or to be reminded of.
func (ms *matters) said(key string, m *matter, to []receiver, now time.Time) {
	ms.dirty[key] = true
	if m.Over != nil || m.Broke == nil {
		ms.forget(key)
		return
	}
	m.Unsaid, m.Hold = nil, time.Time{}
	told := maps.Clone(m.Told)
	if told == nil {
		told = map[string]time.Time{}
	}
	for _, r := range to {
		told[r.address] = now
	}
	m.Told = told
}

// knowing are those who were mailed that it broke and are not among others, with the format that they have now.
func (ms *matters) knowing(file *control.File, m *matter, others []receiver) []receiver {
	var found []receiver
	all := receiversOf(file, m.Service, nil)
	for _, address := range slices.Sorted(maps.Keys(m.Told)) {
		same := func(r receiver) bool { return r.address == address }
		if slices.ContainsFunc(others, same) {
			continue
		}
		if i := slices.IndexFunc(all, same); i >= 0 {
			found = append(found, all[i])
			continue
		}
		found = append(found, receiver{address: address, format: file.Settings.MailFormat})
	}
	return found
}

// remind writes again to those who asked for it and know that something is broken.
func (ms *matters) remind(file *control.File, key string, m *matter, now time.Time) []letter {
	var letters []letter
	for _, r := range ms.reminded(file, m) {
		if now.Sub(m.Told[r.address]) < r.reminder {
			continue
		}
		letters = append(letters, letter{receiver: r, matter: *m, at: now, known: true})
		m.Told = maps.Clone(m.Told)
		m.Told[r.address] = now
		ms.dirty[key] = true
	}
	return letters
}

func (ms *matters) reminded(file *control.File, m *matter) []receiver {
	if m.Broke == nil || len(m.Told) == 0 {
		return nil
	}
	return slices.DeleteFunc(receiversOf(file, m.Service, m.Types), func(r receiver) bool {
		return r.reminder <= 0 || m.Told[r.address].IsZero()
	})
}

// next is how long nothing will be due.
func (ms *matters) next(file *control.File, now time.Time) time.Duration {
	wait := time.Hour
	for _, m := range ms.all {
		if len(m.Unsaid) == 0 {
			for _, r := range ms.reminded(file, m) {
				wait = min(wait, max(m.Told[r.address].Add(r.reminder).Sub(now), ms.timing.poll))
			}
			continue
		}
		if ms.cfg.Collector != nil {
			return ms.timing.poll
		}
		wait = min(wait, max(m.Hold.Sub(now), 0))
	}
	return wait
}
