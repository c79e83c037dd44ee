package control

// firstWords begin the statements of the grammar. They stand apart from it because reading a statement needs to know
// where the next one begins.
var firstWords = setOf("set include check if start stop restart depends group every not mode")

// grammar is the table of statements by first word.
func grammar() map[string]statement {
	return map[string]statement{
		"set":     {usage: "set SETTING …", parse: (*parser).set},
		"include": {usage: "include GLOB", parse: (*parser).include},
		"check":   {usage: "check KIND NAME …", parse: (*parser).check},

		"if":      {usage: ruleUsage, ofService: true, parse: (*parser).rule},
		"start":   {usage: programUsage("start"), ofService: true, parse: program(func(s *Service) **Command { return &s.Start })},
		"stop":    {usage: programUsage("stop"), ofService: true, parse: program(func(s *Service) **Command { return &s.Stop })},
		"restart": {usage: programUsage("restart"), ofService: true, parse: program(func(s *Service) **Command { return &s.Restart })},
		"depends": {usage: "depends on NAME [, NAME …]", ofService: true, parse: (*parser).dependsOn},
		"group":   {usage: "group NAME", ofService: true, parse: (*parser).group},
		"every":   {usage: everyUsage, ofService: true, parse: (*parser).every},
		"not":     {usage: everyUsage, ofService: true, parse: (*parser).notEvery},
		"mode":    {usage: "mode active|passive|manual", ofService: true, parse: (*parser).mode},
	}
}

const (
	ruleUsage  = "if TEST [for N cycles | N times within M cycles] then ACTION [else [if succeeded [for N cycles] then] ACTION]"
	everyUsage = `every N cycles, every "CRON" or not every "CRON"`
)

func programUsage(verb string) string {
	return verb + ` program = "COMMAND" [as uid USER [and gid GROUP]] [with timeout N seconds]`
}

const (
	collectorTells = "who is told, and how, is set at the collector"
	takeOut        = "take the statement out to use this file"
)

// The constructs of Monit that this version lacks, each with what to do instead. One that the grammar gains leaves its table.
var (
	monitsStatements = map[string]string{
		"alert": collectorTells, "noalert": collectorTells,
		"onreboot": takeOut, "ignore": takeOut,
	}
	monitsSettings = map[string]string{
		"alert": collectorTells, "mail-format": collectorTells, "mailserver": collectorTells,
		"eventqueue": "events that cannot be sent are kept without being told to: take it out",
		"mmonit":     "write instead: set collector https://HOST:PORT with token file PATH",
		"httpd":      "commands go over the agent's own socket beside the state file: take it out",
		"ssl":        takeOut, "tls": takeOut, "limits": takeOut, "onreboot": takeOut, "fips": takeOut, "terminal": takeOut,
	}
	monitsKinds = map[string]string{
		"network": takeOut, "fifo": takeOut,
		"device": "write instead: check filesystem NAME with path PATH",
	}
	monitsTests = map[string]string{
		"ping": takeOut, "ping4": takeOut, "ping6": takeOut, "icmp": takeOut, "url": "write instead: failed host HOST port N protocol http request PATH",
		"link": takeOut, "saturation": takeOut, "upload": takeOut, "download": takeOut, "security": takeOut, "hardlink": takeOut,
	}
	monitsOptions = map[string]string{
		"send": takeOut, "certificate": takeOut, "certmd5": takeOut, "responsetime": takeOut, "ipv4": takeOut, "ipv6": takeOut,
		"address": takeOut, "username": takeOut, "password": takeOut, "headers": takeOut, "checksum": takeOut,
		"allowselfcertification": takeOut,
	}
)
