package control

import "time"

// bound gives the services what `set limits` says, wherever in the file that stands. What a command says itself wins.
func (f *File) bound() {
	limits := f.Settings.Limits
	for _, s := range f.Services {
		s.Bounds = limits
		timeLimit(s.Start, limits.StartTimeout)
		timeLimit(s.Stop, limits.StopTimeout)
		timeLimit(s.Restart, limits.RestartTimeout)
		for _, r := range s.Rules {
			r.Then.bound(limits.ExecTimeout)
			if r.Else != nil {
				r.Else.Then.bound(limits.ExecTimeout)
			}
		}
		for _, l := range s.Limits {
			l.Then.bound(limits.ExecTimeout)
		}
	}
}

func (a *Action) bound(timeout time.Duration) {
	for ; a != nil; a = a.Next {
		timeLimit(a.Exec, timeout)
	}
}

func timeLimit(c *Command, timeout time.Duration) {
	if c != nil && c.Timeout == 0 {
		c.Timeout = timeout
	}
}
