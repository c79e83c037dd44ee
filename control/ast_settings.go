package control

import "time"

// Settings are the `set` statements.
type Settings struct {
	Interval    time.Duration // set daemon N; 5 s where the file does not say
	StartDelay  time.Duration // with start delay N
	Node        NodeSettings  // set node NAME [with roles A, B] [site S]
	Collector   *Collector    // nil: the agent works alone
	Pidfile     string
	Log         string // path, or "syslog"; empty: standard error
	LogFacility string // of syslog: user, daemon, local0 …; empty: daemon
	IDFile      string
	StateFile   string // the agent's database is StateFile + ".db", its command socket StateFile + ".sock"
	Metrics     string // set metrics address HOST:PORT: where /metrics is served; empty: on the command socket only
	Budget      Budget
	Init        bool // set init: stay in the foreground
	FIPS        bool // set fips: read, and of no effect: Go's FIPS mode is chosen when the program is built
	Batch       bool // set terminal batch: plain output

	OnReboot    string        // set onreboot start|nostart|laststate; empty: start
	Limits      Limits        // set limits {…}
	TLS         *TLS          // set ssl|tls {…}: what tests, mail servers and M/Monit use where they say nothing themselves; nil: the defaults
	Alerts      []*MailAlert  // set alert, in the order written
	MailFormat  MailFormat    // set mail-format {…}
	Mail        MailServers   // set mailserver …
	EventQueue  EventQueue    // set eventqueue …
	MMonit      []*MMonit     // set mmonit, in the order written
	HTTP        *HTTPServer   // set httpd; nil: the status page is not served
	Munin       *MuninServer  // set munin: the agent answers munin masters; nil: it does not
	Maintenance []Maintenance // set maintenance: of every service
}

// NodeSettings name this machine in the fleet; an empty Name means the host name.
type NodeSettings struct {
	Name  string
	Roles []string
	Site  string
}

// Collector is `set collector URL with token file PATH [ca file PATH]`.
type Collector struct {
	Pos       Position
	URL       string // https://host:port; http only where host is a loopback address
	TokenFile string
	CAFile    string // PEM certificates that the collector's must chain to; empty: the machine's own roots
}

// Budget bounds automatic heals of one service: `set heal budget N per hour [N per day] [with backoff N seconds]`.
// The zero value of a field means the default: 3 an hour, 6 a day, back-off 0 s, 5 s, 30 s, 2 min, 10 min.
type Budget struct {
	PerHour int
	PerDay  int
	Backoff time.Duration // replaces the first non-zero step; later steps scale with it
}

// Limits are `set limits {…}`. The zero value of a field is dialtone's own default, never a smaller one than Monit's.
type Limits struct {
	ProgramOutput      int // bytes kept of what a program prints; 64 KiB
	SendExpectBuffer   int // bytes that an `expect` looks at; 64 KiB
	FileContentBuffer  int // bytes of one line that `content` looks at; 64 KiB
	HTTPContentBuffer  int // bytes of a body that `content` looks at; 1 MiB
	NetworkTimeout     time.Duration
	ProgramTimeout     time.Duration
	StartTimeout       time.Duration
	StopTimeout        time.Duration
	RestartTimeout     time.Duration
	ExecTimeout        time.Duration
	FileContentPerLook int // bytes of new content that one look reads; 4 MiB
}

// Secret is a password or a shared secret. It prints as stars wherever it is formatted; Reveal is what goes to the far side.
type Secret string

const stars = "********"

// String hides the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return stars
}

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return `"` + s.String() + `"` }

// MarshalText hides the secret from encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// MailAlert is `set alert ADDRESS …` and, in a service, `alert ADDRESS …`: mail for somebody when an event happens. It is what the
// agent does by itself while no collector is set or reachable.
type MailAlert struct {
	Pos      Position
	Address  string
	Events   []string   // Monit's names of events (nonexist, timeout, …); empty: all
	Not      bool       // all but Events
	Reminder int        // mail again after so many cycles of failure; 0: once
	Format   MailFormat // fields that are empty are those of `set mail-format`
}

// MailFormat is `mail-format {…}`. Its texts may hold $EVENT, $SERVICE, $DATE, $HOST, $ACTION and $DESCRIPTION.
type MailFormat struct {
	From    string
	ReplyTo string
	Subject string
	Message string
}

// MailServers is `set mailserver A, B, … [with timeout N seconds] [using hostname NAME]`. The first that takes a message gets it.
type MailServers struct {
	Servers  []*MailServer
	Timeout  time.Duration // zero: 5 s
	Hostname string        // for EHLO and Message-ID; empty: the machine's own
}

// MailServer is one of them.
type MailServer struct {
	Pos      Position
	Host     string
	Port     int // zero: 25
	Username string
	Password Secret
	TLS      *TLS // nil: TLS when the server offers STARTTLS; On: TLS from the first byte
}

// EventQueue is `set eventqueue basedir PATH [slots N]`. Events that wait are in the agent's own database; Slots bounds them.
type EventQueue struct {
	BaseDir string
	Slots   int // zero: 1,000
}

// MMonit is `set mmonit URL [with timeout N seconds] [register without credentials] [hostgroups […]]`.
type MMonit struct {
	Pos        Position
	URL        string // without user and password
	Username   string
	Password   Secret
	Timeout    time.Duration // zero: 5 s
	TLS        *TLS
	HostGroups []string
}

// HTTPServer is `set httpd …`: the local status page and Monit's status documents.
type HTTPServer struct {
	Pos           Position
	Address       string // empty with a Port: loopback only, as dialtone's difference from Monit
	Port          int    // 0: UnixSocket alone
	UnixSocket    string
	SocketUser    string
	SocketGroup   string
	SocketMode    uint32 // permission bits; zero: 0600
	TLS           *TLS   // nil: plain HTTP
	HideSignature bool   // signature disable: no version in headers
	ReadOnly      bool   // nobody may act
	Allow         []Allow
}

// Allow is one `allow` rule. Exactly one of User, Group, Network, Host and File is set.
type Allow struct {
	Pos      Position
	User     string // with Password
	Password Secret
	Group    string // @GROUP: users of a PAM group
	Network  string // an address or CIDR prefix
	Host     string // a name that is resolved when a request comes
	File     string // of htpasswd lines
	Crypt    string // of File: cleartext, md5 or crypt
	Users    []string
	ReadOnly bool
}

// MuninServer is `set munin address HOST:PORT [allow NETWORK, …]`: munin-node's protocol, for masters that stay.
type MuninServer struct {
	Pos     Position
	Address string
	Allow   []string // CIDR prefixes; empty: loopback
}

// Maintenance is a span in which failures are recorded but nobody is told and nothing is healed: `maintenance "CRON" for 2 hours`
// or `maintenance from 2026-12-01T02:00 to 2026-12-01T04:00`, in local time.
type Maintenance struct {
	Pos  Position
	Cron string        // five fields: its beginnings; empty: From and To
	For  time.Duration // with Cron
	From time.Time
	To   time.Time
}

// TLS are the options of `ssl {…}` or `tls {…}`, and how a connection uses them. A nil *TLS in a test is no TLS.
type TLS struct {
	On         bool   // from the first byte (`type tcpssl`, `using ssl`); protocols with STARTTLS take false as "upgrade"
	Version    string // "": 1.2 and up; auto, tlsv1, tlsv11, tlsv12, tlsv13
	VerifyOff  bool   // `verify: disable`, which dialtone wants written
	VerifyOn   bool   // `verify: enable`: a `set tls {verify: disable}` does not hold here
	SelfSigned bool   // `selfsigned: allow`: one that signs itself is accepted
	Ciphers    string // OpenSSL's names, colon-separated, for TLS 1.2 and below
	PEMFile    string // certificate and key of a server
	PEMChain   string
	PEMKey     string
	ClientPEM  string // certificate and key that a client shows, or that a server wants of clients
	CAFile     string
	CAPath     string
	Checksum   string // certificate checksum: lower case hexadecimal, its length tells MD5, SHA-1 or SHA-256
	ValidDays  int    // certificate valid > N days; 0: not asked
}
