package discover

// server is a program that is worth watching wherever it runs.
type server struct {
	name string // of the service
	note string
	ask  asking
}

// asking is what a server takes without harm, every few seconds. MySQL blocks a host after a hundred connections without a word,
// sshd, PostgreSQL and RabbitMQ write a line into their logs for each, and Redis takes HTTP for an attack.
type asking uint8

const (
	silent  asking = iota // no test of its ports
	connect               // that it accepts
	http                  // that it answers HTTP, if it does so now
)

// servers are known programs by the name of their process, which has at most 15 bytes.
var servers = map[string]server{
	"nginx":           {"nginx", "web server", http},
	"apache2":         {"apache2", "web server", http},
	"httpd":           {"httpd", "web server", http},
	"lighttpd":        {"lighttpd", "web server", http},
	"caddy":           {"caddy", "web server", http},
	"gunicorn":        {"gunicorn", "Python web application", http},
	"uwsgi":           {"uwsgi", "Python web application", silent},
	"celery":          {"celery", "task queue workers", silent},
	"haproxy":         {"haproxy", "load balancer", http},
	"keepalived":      {"keepalived", "failover of addresses", silent},
	"mysqld":          {"mysql", "database", silent},
	"mariadbd":        {"mariadb", "database", silent},
	"postgres":        {"postgresql", "database", silent},
	"redis-server":    {"redis", "key-value store", connect},
	"memcached":       {"memcached", "cache", connect},
	"mongod":          {"mongodb", "database", silent},
	"beam.smp":        {"rabbitmq", "message queue (or another Erlang program)", silent},
	"asterisk":        {"asterisk", "telephone exchange", silent},
	"opensips":        {"opensips", "SIP proxy", silent},
	"kamailio":        {"kamailio", "SIP proxy", silent},
	"freeswitch":      {"freeswitch", "telephone exchange", silent},
	"rtpengine":       {"rtpengine", "media proxy", silent},
	"rtpproxy":        {"rtpproxy", "media proxy", silent},
	"freeradius":      {"freeradius", "RADIUS server", silent},
	"radiusd":         {"freeradius", "RADIUS server", silent},
	"sshd":            {"sshd", "remote login", silent},
	"cron":            {"cron", "timed jobs", silent},
	"crond":           {"cron", "timed jobs", silent},
	"dockerd":         {"docker", "containers", silent},
	"containerd":      {"containerd", "containers", silent},
	"named":           {"bind", "name server", connect},
	"unbound":         {"unbound", "name server", connect},
	"dnsmasq":         {"dnsmasq", "name server and DHCP", silent},
	"chronyd":         {"chrony", "clock", silent},
	"ntpd":            {"ntpd", "clock", silent},
	"rsyslogd":        {"rsyslog", "system log", silent},
	"master":          {"postfix", "mail server", silent},
	"exim4":           {"exim", "mail server", connect},
	"dovecot":         {"dovecot", "mailboxes", silent},
	"slapd":           {"slapd", "directory", silent},
	"smbd":            {"samba", "file server", silent},
	"rpcbind":         {"rpcbind", "port mapper of NFS", silent},
	"rpc.mountd":      {"nfs-mountd", "NFS server", silent},
	"vsftpd":          {"vsftpd", "file transfer", silent},
	"proftpd":         {"proftpd", "file transfer", silent},
	"prometheus":      {"prometheus", "metrics store", http},
	"grafana":         {"grafana", "dashboards", http},
	"grafana-server":  {"grafana", "dashboards", http},
	"php-fpm":         {"php-fpm", "PHP", silent},
	"snmpd":           {"snmpd", "SNMP agent", silent},
	"fail2ban-server": {"fail2ban", "blocks attackers", silent},
}

// never are programs of people, of the system's own plumbing and of monitoring, which are not watched though they listen.
var never = setOf("bash sh dash zsh fish ksh tcsh screen tmux tmux:_server vim vi nano emacs less man ssh scp sftp ssh-agent gpg-agent su sudo login getty agetty gdb strace tcpdump " +
	"top htop watch tail grep find make go gopls git code node_exporter npm esbuild chrome chromium firefox Xorg " +
	"systemd systemd-journal systemd-resolve systemd-network systemd-logind systemd-udevd systemd-timesyn systemd-oomd (sd-pam) init dbus-daemon dbus-broker polkitd " +
	"dialtone dialtone-agent monit munin-node nagios nrpe puppet")
