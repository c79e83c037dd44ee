// Package statusdoc writes how a node stands in the documents that Monit's readers know: the XML of `/_status?format=xml`, the XML
// that M/Monit takes (version 2 of the same), and JSON.
//
// The formats were read off Monit 5.33. A document never holds a password: the `credentials` element of Monit's is left out.
package statusdoc

import (
	"encoding/json"
	"io"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/agent"
	"github.com/dialtone/dialtone/control"
)

// speaks is the version of Monit whose documents these are. Readers decide by it what they can expect.
const speaks = "5.33.0"

// Doc is everything that a document says.
type Doc struct {
	ID         string // of the agent's installation
	Status     dialtone.NodeStatus
	Interval   time.Duration
	StartDelay time.Duration
	HTTP       *control.HTTPServer // where M/Monit could call back; nil: nowhere
	Services   []agent.Snapshot
	HostGroups []string // that M/Monit is to put the node in; only in what is posted
	Now        time.Time
}

// Of takes a document of an agent as it stands now.
func Of(a *agent.Agent) Doc {
	file := a.File()
	return Doc{
		ID: a.ID(), Status: a.Status(), Interval: file.Settings.Interval, StartDelay: file.Settings.StartDelay,
		HTTP: file.Settings.HTTP, Services: a.Snapshots(), Now: time.Now(),
	}
}

// WriteJSON writes the node's status with all values and texts of its services.
func WriteJSON(w io.Writer, d Doc) error {
	type service struct {
		dialtone.ServiceStatus
		Texts map[string]string `json:"texts,omitempty"`
	}
	services := make([]service, 0, len(d.Services))
	for _, s := range d.Services {
		one := service{ServiceStatus: s.Status}
		if s.Report != nil {
			one.Texts = s.Report.Texts
		}
		services = append(services, one)
	}
	status := struct {
		ID string `json:"id"`
		dialtone.NodeStatus
		Services []service `json:"services"`
	}{d.ID, d.Status, services}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(status)
}

// machine is what the kernel says of itself: the platform element.
type machine struct {
	name, release, version, arch string
	memoryKiB, swapKiB           uint64
	processors                   int
}

func thisMachine() machine {
	m := machine{name: "Linux", processors: runtime.NumCPU()}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		m.name, m.release = unix.ByteSliceToString(u.Sysname[:]), unix.ByteSliceToString(u.Release[:])
		m.version, m.arch = unix.ByteSliceToString(u.Version[:]), unix.ByteSliceToString(u.Machine[:])
	}
	var i unix.Sysinfo_t
	if unix.Sysinfo(&i) == nil {
		unit := uint64(i.Unit)
		m.memoryKiB, m.swapKiB = i.Totalram*unit/1024, i.Totalswap*unit/1024
	}
	return m
}
