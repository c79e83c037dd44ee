package control

// firstWords begin the statements of the grammar. They stand apart from it because reading a statement needs to know
// where the next one begins.
var firstWords = setOf("set include check if start stop restart startprogram stopprogram depends depend group every not mode onreboot alert noalert ignore " +
	"label runbook severity maintenance dry when")

// grammar is the table of statements by first word.
func grammar() map[string]statement {
	return map[string]statement{
		"set":     {usage: "set SETTING …", parse: (*parser).set},
		"include": {usage: "include GLOB", parse: (*parser).include},
		"check":   {usage: "check KIND NAME …", parse: (*parser).check},

		"if":           {usage: ruleUsage, ofService: true, parse: (*parser).rule},
		"start":        {usage: programUsage("start"), ofService: true, parse: program(func(s *Service) **Command { return &s.Start })},
		"stop":         {usage: programUsage("stop"), ofService: true, parse: program(func(s *Service) **Command { return &s.Stop })},
		"startprogram": {usage: programUsage("start"), ofService: true, parse: program(func(s *Service) **Command { return &s.Start })},
		"stopprogram":  {usage: programUsage("stop"), ofService: true, parse: program(func(s *Service) **Command { return &s.Stop })},
		"restart":      {usage: programUsage("restart"), ofService: true, parse: program(func(s *Service) **Command { return &s.Restart })},
		"depends":      {usage: dependsUsage, ofService: true, parse: (*parser).dependsOn},
		"depend":       {usage: dependsUsage, ofService: true, parse: (*parser).dependsOn},
		"group":        {usage: "group NAME", ofService: true, parse: (*parser).group},
		"every":        {usage: everyUsage, ofService: true, parse: (*parser).every},
		"not":          {usage: everyUsage, ofService: true, parse: (*parser).notEvery},
		"mode":         {usage: "mode active|passive|manual", ofService: true, parse: (*parser).mode},

		"onreboot": {usage: "onreboot start|nostart|laststate", ofService: true, parse: (*parser).onReboot},
		"alert":    {usage: alertUsage, ofService: true, parse: (*parser).alert},
		"noalert":  {usage: "noalert ADDRESS", ofService: true, parse: (*parser).noAlert},
		"ignore":   {usage: `ignore content = "REGEX"|FILE, ignore content != …, or ignore [not] match …`, ofService: true, parse: (*parser).ignore},

		"label":       {usage: `label NAME "VALUE"`, ofService: true, parse: (*parser).label},
		"runbook":     {usage: `runbook "URL"`, ofService: true, parse: (*parser).runbook},
		"severity":    {usage: "severity warning|critical", ofService: true, parse: (*parser).severity},
		"maintenance": {usage: maintenanceUsage, ofService: true, parse: (*parser).maintenance},
		"dry":         {usage: "dry run", ofService: true, parse: (*parser).dryRun},
		"when":        {usage: "when alone heal|start|alert", ofService: true, parse: (*parser).whenAlone},
	}
}

const (
	ruleUsage = "if TEST [for N cycles | N times within M cycles | for N seconds] then ACTION [else [if succeeded [for N cycles] then] ACTION]"

	everyUsage       = `every N cycles, every "CRON" or not every "CRON"`
	dependsUsage     = "depends on NAME [, NAME …]"
	alertUsage       = "alert ADDRESS [[not] on {EVENT, …}] [with mail-format {…}] [with reminder on N cycles]"
	maintenanceUsage = `maintenance "CRON" for N hours, or maintenance from 2026-12-01T02:00 to 2026-12-01T04:00`
)

func programUsage(verb string) string {
	return verb + ` program = "COMMAND" [as uid USER [and gid GROUP]] [with timeout N seconds]`
}
