package dialtone

import "time"

// Node is a machine that runs an agent.
type Node struct {
	Name  string   `json:"name"` // unique in the fleet; the host name unless the control file says otherwise
	Roles []string `json:"roles,omitempty"`
	Site  string   `json:"site,omitempty"`
}

// NamedValue is one measured value of a service, as a person reads it.
type NamedValue struct {
	Name  string  `json:"name"` // a value name of the service's kind, e.g. memory_bytes
	Unit  string  `json:"unit,omitempty"`
	Value float64 `json:"value"`
}

// ServiceStatus is how one service stands now.
type ServiceStatus struct {
	Name        string       `json:"name"`
	Kind        string       `json:"kind"` // process, file, filesystem, directory, system, host, program, …
	State       State        `json:"state"`
	Why         string       `json:"why,omitempty"`
	Since       time.Time    `json:"since,omitzero"`        // when State began
	Checked     time.Time    `json:"checked,omitzero"`      // when the last result came
	Monitored   bool         `json:"monitored"`             // false: checks and rules rest
	Unmonitored string       `json:"unmonitored,omitempty"` // why it rests, and who said so
	Healing     bool         `json:"healing,omitempty"`
	Parked      bool         `json:"parked,omitempty"`     // healing has been given up for now
	Held        string       `json:"held,omitempty"`       // why nothing is healed: what was given up for, or stands against it
	MutedUntil  time.Time    `json:"muted_until,omitzero"` // end of the maintenance that holds; zero: none does
	PID         int          `json:"pid,omitempty"`
	Groups      []string     `json:"groups,omitempty"`
	DependsOn   []string     `json:"depends_on,omitempty"`
	Values      []NamedValue `json:"values,omitempty"`
	Source      string       `json:"source,omitempty"` // file:line of its check statement
}

// NodeStatus is how one node stands now, as its agent last told it.
type NodeStatus struct {
	Node
	AgentVersion string          `json:"agent_version"`
	Platform     string          `json:"platform"`               // "Debian GNU/Linux 12 (bookworm), Linux 6.1.0"
	Started      time.Time       `json:"started"`                // of the agent
	Booted       time.Time       `json:"booted,omitzero"`        // of the machine
	LastSeen     time.Time       `json:"last_seen,omitzero"`     // set by the collector: last heartbeat
	Connected    bool            `json:"connected"`              // set by the collector
	ControlFile  string          `json:"control_file"`           // path on the node
	ConfigError  string          `json:"config_error,omitempty"` // why the newest control file was refused; empty while the newest runs
	Trouble      string          `json:"trouble,omitempty"`      // why the agent cannot do all of its work: "nothing is healed: …"; empty: it can
	Services     []ServiceStatus `json:"services"`
}
