package control

// protocolRow is what the grammar must know of a protocol.
type protocolRow struct {
	datagram bool // over UDP alone
	stream   bool // over TCP alone
	secure   bool // TLS by its name
	startTLS bool // begins in clear text and can change to TLS
}

// protocols are the names behind `protocol`.
var protocols = map[string]protocolRow{
	"apache-status":  {stream: true},
	"clamav":         {stream: true},
	"default":        {},
	"dns":            {},
	"dwp":            {stream: true},
	"fail2ban":       {stream: true},
	"ftp":            {stream: true, startTLS: true},
	"gps":            {stream: true},
	"http":           {stream: true},
	"https":          {stream: true, secure: true},
	"imap":           {stream: true, startTLS: true},
	"imaps":          {stream: true, secure: true},
	"ldap2":          {stream: true, startTLS: true},
	"ldap3":          {stream: true, startTLS: true},
	"lmtp":           {stream: true, startTLS: true},
	"memcache":       {},
	"mongodb":        {stream: true},
	"mqtt":           {stream: true},
	"mysql":          {stream: true, startTLS: true},
	"mysqls":         {stream: true, secure: true},
	"nntp":           {stream: true, startTLS: true},
	"ntp3":           {datagram: true},
	"pgsql":          {stream: true, startTLS: true},
	"pop":            {stream: true, startTLS: true},
	"pops":           {stream: true, secure: true},
	"postfix-policy": {stream: true},
	"radius":         {datagram: true},
	"rdate":          {},
	"redis":          {stream: true},
	"rsync":          {stream: true},
	"sieve":          {stream: true, startTLS: true},
	"sip":            {},
	"smtp":           {stream: true, startTLS: true},
	"smtps":          {stream: true, secure: true},
	"spamassassin":   {stream: true},
	"ssh":            {stream: true},
	"tns":            {stream: true},
	"websocket":      {stream: true},
}
