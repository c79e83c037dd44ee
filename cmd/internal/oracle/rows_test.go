package oracle

// row is one construct: the services of a control file, what happens to them, and what is run in which cycle.
//
// In text and steps DIR is the watcher's folder, and "REC fail" a program that records "fail" for this row.
type row struct {
	name  string
	text  string
	bits  string         // by cycle: the file NAME is 20 bytes long where it has 1, else 5; "": the row makes no such file
	hears string         // by cycle: something accepts connections at port PORT-NAME where it has 1
	steps map[int]string // shell, before the look of that cycle
	say   map[int]string // a command line of the watcher, before that cycle: one row's alone

	want string // cycle:program …, of Monit; and of dialtone, unless
	ours string // it does otherwise on purpose
	why  string // the reason, as docs/from-monit.md gives it
}

// bits is the recorded trace of the reference: the test fails where it has 1.
const bits = "00101011101111000011111101000"

// cycles are those that all rows share.
const cycles = len(bits)

var rows = []row{
	// The table of the reference.
	{
		name: "plain", bits: bits,
		text: `if size > 10 B then exec "REC fail" else if succeeded then exec "REC ok"`,
		want: "2:fail 3:ok 4:fail 5:ok 6:fail 9:ok 10:fail 14:ok 18:fail 24:ok 25:fail 26:ok",
	},
	{
		name: "for3", bits: bits,
		text: `if size > 10 B for 3 cycles then exec "REC fail" else if succeeded then exec "REC ok"`,
		want: "8:fail 9:ok 12:fail 14:ok 20:fail 24:ok",
	},
	{
		name: "within", bits: bits,
		text: `if size > 10 B 3 times within 5 cycles then exec "REC fail" else if succeeded then exec "REC ok"`,
		want: "6:fail 9:ok 12:fail 14:ok 20:fail 24:ok",
	},
	{
		name: "elsefor", bits: bits,
		text: `if size > 10 B for 2 cycles then exec "REC fail" else if succeeded for 3 cycles then exec "REC ok"`,
		want: "7:fail 16:ok 19:fail 28:ok",
	},
	{
		name: "repeat", bits: bits,
		text: `if size > 10 B then exec "REC fail" repeat every 2 cycles`,
		want: "2:fail 4:fail 6:fail 7:fail 10:fail 11:fail 13:fail 18:fail 19:fail 21:fail 23:fail 25:fail",
	},
	{
		name: "changedsize", bits: bits,
		text: `if changed size then exec "REC changed"`,
		want: "2:changed 3:changed 4:changed 5:changed 6:changed 9:changed 10:changed 14:changed 18:changed 24:changed 25:changed 26:changed",
	},

	// Windows and repeats.
	{
		name: "elsewithin", bits: bits,
		text: `if size > 10 B 4 times within 6 cycles then exec "REC fail" else if succeeded 2 times within 3 cycles then exec "REC ok"`,
		want: "7:fail 15:ok 21:fail 26:ok",
	},
	{
		name: "repeatevery", bits: "0111100110",
		text: `if size > 10 B then exec "REC fail" repeat every 1 cycles`,
		want: "1:fail 2:fail 3:fail 4:fail 7:fail 8:fail",
	},
	{
		name: "repeat3", bits: "0111111110",
		text: `if size > 10 B for 2 cycles then exec "REC fail" repeat every 3 cycles`,
		want: "2:fail 4:fail 7:fail",
	},
	{
		name: "every3", bits: bits,
		text: "every 3 cycles\n" + `if size > 10 B then exec "REC fail" else if succeeded then exec "REC ok"`,
		want: "6:fail 9:ok 12:fail 15:ok 18:fail 24:ok",
	},

	{
		name: "never", bits: "1111",
		text: "not every \"* * * * *\"\n" + `if size > 10 B then exec "REC fail"`,
		want: "",
	},
	{
		name: "two", bits: bits,
		text: `if size > 10 B for 2 cycles then exec "REC second"` + "\n" + `if size > 15 B for 4 cycles then exec "REC fourth" else if succeeded then exec "REC ok"`,
		want: "7:second 9:ok 11:second 13:fourth 14:ok 19:second 21:fourth 24:ok",
		ours: "7:second 11:second 13:fourth 14:ok 19:second 21:fourth 24:ok",
		why:  "a rule recovers from its own failure only, not from that of another rule for the same value",
	},
	{
		name: "changedfor", bits: bits,
		text: `if changed size 2 times within 4 cycles then exec "REC changed"`,
		want: "3:changed 4:changed 5:changed 6:changed 10:changed 25:changed 26:changed",
	},

	// Comparisons, changes and expectations.
	{
		name: "equal", bits: "00110",
		text: `if size = 20 B then exec "REC fail" else if succeeded then exec "REC ok"`,
		want: "2:fail 4:ok",
	},
	{
		name: "notequal", bits: "00110",
		text: `if size != 5 bytes then exec "REC fail" else if succeeded then exec "REC ok"`,
		want: "2:fail 4:ok",
	},
	{
		name: "checksum", text: `if changed checksum then exec "REC changed"`,
		steps: map[int]string{0: "echo a >checksum", 3: "echo b >checksum", 4: "echo c >checksum"},
		want:  "3:changed 4:changed",
	},
	{
		name: "sum", text: `if failed checksum expect 60b725f10c9c85c70d97880dfe8191b3 then exec "REC fail" else if succeeded then exec "REC ok"`,
		steps: map[int]string{0: "echo a >sum", 3: "echo b >sum", 5: "echo a >sum"},
		want:  "3:fail 5:ok",
	},
	{
		name: "permission", text: `if failed permission 644 then exec "REC fail" else if succeeded then exec "REC ok"`,
		steps: map[int]string{0: ": >permission; chmod 644 permission", 2: "chmod 600 permission", 4: "chmod 644 permission"},
		want:  "2:fail 4:ok",
	},
	{
		name: "changedpermission", text: `if changed permission then exec "REC changed"`,
		steps: map[int]string{0: ": >changedpermission; chmod 644 changedpermission", 2: "chmod 600 changedpermission", 5: "chmod 644 changedpermission"},
		want:  "2:changed 5:changed",
	},
	{
		name: "uid", text: `if failed uid 0 then exec "REC fail" else if succeeded then exec "REC ok"`,
		steps: map[int]string{0: ": >uid", 2: "chown 1 uid", 4: "chown 0 uid"},
		want:  "2:fail 4:ok",
	},
	{
		name: "gid", text: `if failed gid 0 then exec "REC fail" else if succeeded then exec "REC ok"`,
		steps: map[int]string{0: ": >gid", 2: "chgrp 1 gid", 4: "chgrp 0 gid"},
		want:  "2:fail 4:ok",
	},
	{
		name: "mtime", text: `if changed mtime then exec "REC changed"`,
		steps: map[int]string{0: "touch -d 2026-01-01T00:00:00 mtime", 2: "touch -d 2026-01-02T00:00:00 mtime", 6: "touch -d 2026-01-01T00:00:00 mtime"},
		want:  "2:changed 6:changed",
	},
	{
		name: "older", text: `if mtime is older than 1 hour then exec "REC fail" else if succeeded then exec "REC ok"`,
		steps: map[int]string{0: ": >older", 2: "touch -d 2026-01-01T00:00:00 older", 4: "touch older"},
		want:  "2:fail 4:ok",
	},
	{
		name: "content", text: `if content = "oops" then exec "REC found"`,
		steps: map[int]string{0: "echo oops >content", 2: "echo fine >>content", 3: "echo oops >>content", 5: "echo oops >>content"},
		want:  "3:found 5:found",
	},
	{
		name: "contentnot", text: `if content != "fine" then exec "REC found"`,
		steps: map[int]string{0: ": >contentnot", 2: "echo fine >>contentnot", 3: "echo oops >>contentnot", 5: "echo oops >>contentnot"},
		want:  "3:found 5:found",
	},
	{
		name: "ignore", text: "ignore content = \"harmless\"\n" + `if content = "oops" then exec "REC found"`,
		steps: map[int]string{0: ": >ignore", 2: "echo harmless oops >>ignore", 4: "echo oops >>ignore"},
		want:  "4:found",
	},
	{
		name: "gone", text: `if not exist then exec "REC gone" else if succeeded then exec "REC back"`,
		steps: map[int]string{0: ": >gone", 2: "rm gone", 5: ": >gone"},
		want:  "2:gone 5:back",
	},
	{
		name: "there", text: `if exist then exec "REC there" else if succeeded then exec "REC gone"`,
		steps: map[int]string{2: ": >there", 5: "rm there"},
		want:  "2:there 5:gone",
	},
	{
		name: "gone2", text: `if not exist for 2 cycles then exec "REC gone"`,
		steps: map[int]string{0: ": >gone2", 2: "rm gone2", 3: ": >gone2", 5: "rm gone2"},
		want:  "6:gone",
	},

	// Modes and actions.
	{
		name: "passive", bits: bits,
		text: "mode passive\nstart program = \"REC start\"\nstop program = \"REC stop\"\n" + `if size > 10 B then restart` + "\n" + `if size > 15 B then exec "REC exec"`,
		want: "2:exec 4:exec 6:exec 10:exec 18:exec 25:exec",
	},
	{
		name: "unmonitor", bits: bits,
		text: `if size > 15 B then exec "REC fail"` + "\n" + `if size > 10 B for 2 cycles then unmonitor`,
		want: "2:fail 4:fail 6:fail 7:fail", ours: "2:fail 4:fail 6:fail 18:fail",
		why: "a rule that unmonitors does not make the other rules of its service fire once more; what three looks in a row find well is watched again",
	},
	{
		name: "timeout", bits: "0010101010",
		text: "restart program = \"/bin/sh -c 'REC restart; truncate -s 5 DIR/timeout'\"\n" +
			`if size > 10 B then restart` + "\n" + `if 2 restarts within 5 cycles then timeout`,
		want: "2:restart 4:restart",
	},
	{
		name: "start", bits: "0010100", // mended by its start program
		text: "start program = \"/bin/sh -c 'REC start; truncate -s 5 DIR/start'\"\n" + `if size > 10 B then start`,
		want: "2:start 4:start",
	},
	{
		name: "restart", bits: "00101",
		text: "restart program = \"/bin/sh -c 'REC restart; truncate -s 5 DIR/restart'\"\n" + `if size > 10 B then restart`,
		want: "2:restart 4:restart",
	},
	{
		name: "twoprograms", bits: "00101",
		text: "start program = \"/bin/sh -c 'REC start; truncate -s 5 DIR/twoprograms'\"\nstop program = \"/bin/sh -c 'REC stop; rm -f DIR/twoprograms'\"\n" +
			`if size > 10 B then restart`,
		want: "2:stop 2:start 4:stop 4:start",
	},
	{
		name: "stop", bits: "0010000", say: map[int]string{9: "start stop"},
		text: "start program = \"REC start\"\nstop program = \"/bin/sh -c 'REC stop; rm -f DIR/stop'\"\n" + `if size > 10 B then stop`,
		want: "2:stop 9:start",
	},
	{
		name: "twice", bits: "0010100000",
		text: "restart program = \"/bin/sh -c 'REC restart; truncate -s 5 DIR/twice'\"\n" +
			`if size > 10 B then restart` + "\n" + `if 2 restarts within 5 cycles then exec "REC often"`,
		want: "2:restart 4:restart 5:often",
	},
	{
		name: "giveup", bits: "00101010101010",
		text: "restart program = \"/bin/sh -c 'REC restart; truncate -s 5 DIR/giveup'\"\n" +
			`if size > 10 B then restart` + "\n" + `if 3 restarts within 10 cycles then unmonitor`,
		want: "2:restart 4:restart 6:restart",
	},
	{
		name: "stayedwell", bits: "001000000001",
		text: "restart program = \"/bin/sh -c 'REC restart; truncate -s 5 DIR/stayedwell'\"\n" +
			`if size > 10 B then restart` + "\n" + `if 2 restarts within 5 cycles then exec "REC often"`,
		want: "2:restart 11:restart",
	},

	// Processes.
	{
		name: "chain", text: `check process p1 with pidfile DIR/p1.pid
  start program = "DIR/ctl chain start p1"
  stop program = "DIR/ctl chain stop p1"
  depends on p2
check process p2 with pidfile DIR/p2.pid
  start program = "DIR/ctl chain start p2"
  stop program = "DIR/ctl chain stop p2"
  depends on p3
check process p3 with pidfile DIR/p3.pid
  start program = "DIR/ctl chain start p3"
  stop program = "DIR/ctl chain stop p3"
  depends on p4
check process p4 with pidfile DIR/p4.pid
  start program = "DIR/ctl chain start p4"
  stop program = "DIR/ctl chain stop p4"
`,
		steps: map[int]string{4: "DIR/crash p3", 10: "DIR/crash p1"},
		say:   map[int]string{14: "stop p3", 18: "start p1", 22: "restart p2"},
		want: "0:start-p4 0:start-p3 0:start-p2 0:start-p1 " +
			"4:stop-p1 4:stop-p2 4:start-p3 4:start-p2 4:start-p1 10:start-p1 " +
			"14:stop-p1 14:stop-p2 14:stop-p3 18:start-p3 18:start-p2 18:start-p1 " +
			"22:stop-p1 22:stop-p2 22:start-p2 22:start-p1",
	},
	{
		name: "pid", text: `check process q1 with pidfile DIR/q1.pid
  start program = "DIR/ctl pid start q1"
  if changed pid then exec "REC changed"
`,
		steps: map[int]string{3: "old=$(cat q1.pid); DIR/ctl outside start q1; kill -9 $old", 6: "DIR/crash q1"},
		want:  "0:start-q1 3:changed 6:start-q1",
	},
	{
		name: "nostart", text: `check process q2 with pidfile DIR/q2.pid
  if not exist then exec "REC gone" else if succeeded then exec "REC back"
`,
		steps: map[int]string{2: "DIR/ctl outside start q2", 5: "DIR/crash q2"},
		want:  "0:gone 2:back 5:gone",
	},
	{
		name: "passiveprocess", text: `check process q3 with pidfile DIR/q3.pid
  mode passive
  start program = "DIR/ctl passiveprocess start q3"
  if not exist for 2 cycles then exec "REC gone"
`,
		want: "1:gone",
	},
	{
		name: "manual", text: `check process q4 with pidfile DIR/q4.pid
  mode manual
  start program = "DIR/ctl manual start q4"
`,
		want: "0:start-q4",
	},

	// Programs.
	{
		name: "program", text: `check program prog with path "/bin/sh -c 'exit $(cat DIR/status)'"
  if status != 0 then exec "REC fail" else if succeeded then exec "REC ok"
`,
		steps: map[int]string{0: "echo 0 >status", 3: "echo 2 >status", 6: "echo 0 >status"},
		want:  "4:fail 7:ok", ours: "3:fail 6:ok", why: "a program is judged in the cycle that runs it, not in the next",
	},
	{
		name: "programchanged", text: `check program prog2 with path "/bin/sh -c 'exit $(cat DIR/status)'"
  if changed status then exec "REC changed"
`,
		want: "4:changed 7:changed", ours: "3:changed 6:changed", why: "a program is judged in the cycle that runs it, not in the next",
	},

	// Connections.
	{
		name: "socket", hears: "11011001111", text: `check host h1 with address 127.0.0.1
  if failed port PORT-socket with timeout 1 second then exec "REC fail" else if succeeded then exec "REC ok"
`,
		want: "2:fail 3:ok 5:fail 7:ok 11:fail",
	},
	{
		name: "slowly", hears: "1101100111100000", text: `check host h2 with address 127.0.0.1
  if failed port PORT-slowly with timeout 1 second for 2 cycles then exec "REC fail"
`,
		want: "6:fail 12:fail",
	},

	// Directories, file systems and pipes.
	{
		name: "filesystem", text: `check filesystem fs with path /
  if space usage > 0.0001% then exec "REC fail" repeat every 10 cycles
`,
		want: "0:fail 9:fail 19:fail",
	},
	{
		name: "directory", text: `check directory dir with path DIR/dir
  if failed permission 755 then exec "REC fail" else if succeeded then exec "REC ok"
`,
		steps: map[int]string{0: "mkdir -m 755 dir", 2: "chmod 700 dir", 4: "chmod 755 dir"},
		want:  "2:fail 4:ok",
	},

	{
		name: "fifo", text: `check fifo pipe with path DIR/pipe
  if not exist then exec "REC gone" else if succeeded then exec "REC back"
  if failed permission 600 then exec "REC fail"
`,
		steps: map[int]string{0: "mkfifo -m 600 pipe", 2: "rm pipe", 4: "mkfifo -m 600 pipe", 6: "chmod 644 pipe"},
		want:  "2:gone 4:back 6:fail",
	},
	{
		name: "network", text: `check network loopback with interface lo
  if link up then exec "REC up"
`,
		want: "0:up",
	},

	// What a person says.
	{
		name: "person", bits: bits,
		text: `if size > 10 B then exec "REC fail" else if succeeded then exec "REC ok"`,
		say:  map[int]string{5: "unmonitor person", 12: "monitor person"},
		want: "2:fail 3:ok 4:fail 12:fail 14:ok 18:fail 24:ok 25:fail 26:ok",
	},
	{
		name: "group", bits: bits,
		text: "group night\n" + `if size > 10 B then exec "REC fail" else if succeeded then exec "REC ok"`,
		say:  map[int]string{11: "-g night unmonitor"},
		want: "2:fail 3:ok 4:fail 5:ok 6:fail 9:ok 10:fail",
	},
}
