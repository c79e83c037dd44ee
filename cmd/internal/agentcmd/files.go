package agentcmd

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/checks/protocols"
	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/healers"
)

// home is the folder of state: that of the machine for root, one's own otherwise.
func home() string {
	if os.Geteuid() == 0 {
		return "/var/lib/dialtone"
	}
	if dir := os.Getenv("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "dialtone")
	}
	if dir, err := os.UserHomeDir(); err == nil {
		return filepath.Join(dir, ".local", "state", "dialtone")
	}
	return ".dialtone"
}

// controlFile is the file of -c, or the first that is there.
func (l line) controlFile() (string, error) {
	if l.file != "" {
		return filepath.Abs(l.file)
	}
	candidates := []string{"/etc/dialtone/dialtone.conf", filepath.Join(home(), "dialtone.conf"), "dialtone.conf"}
	if dir, err := os.UserHomeDir(); err == nil {
		candidates = append([]string{filepath.Join(dir, ".dialtonerc")}, candidates...)
	}
	for _, path := range candidates {
		if _, err := os.Stat(path); err == nil {
			return filepath.Abs(path)
		}
	}
	return "", fmt.Errorf("there is no control file at any of %s; write one with `dialtone discover`, or name one with -c FILE", strings.Join(candidates, ", "))
}

func load(path string) (*control.File, error) {
	file, err := control.Load(path, checks.Vocabulary())
	if err != nil {
		return nil, err
	}
	protocols.Inherit(file)
	checks.Inspect(file)
	file.Problems = append(file.Problems, healers.Inspect(file)...)
	return file, nil
}

// check is -t: verify, in the words that scripts look for in Monit's output.
func check(path string, stdout io.Writer) error {
	file, err := load(path)
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, "Control file syntax OK")
	printProblems(stdout, file)
	return nil
}

// identify prints the id of this installation, after making a new one where that is asked for.
func (l line) identify(path string, stdout io.Writer) error {
	file, err := l.options(path, "").load()
	if err != nil {
		return err
	}
	state := stateFile(file)
	if l.resetID {
		if err := os.Remove(idFile(file, state)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("forgetting the old id: %w", err)
		}
	}
	fmt.Fprintln(stdout, identity(file, state))
	return nil
}

// stateFile is what the paths of the agent's database and socket begin with.
func stateFile(file *control.File) string {
	if file.Settings.StateFile != "" {
		return file.Settings.StateFile
	}
	return usualState()
}

func usualState() string { return filepath.Join(home(), "state") }

// statement finds the state file of a control file that does not hold: the agent that runs with its predecessor can still be asked.
var statement = regexp.MustCompile(`(?mi)^\s*set\s+statefile\s+"?([^"\s]+)`)

// socketsOf are the places where the agent of a control file may take commands. file is nil when it was refused. Where it names no state
// file, the agent of `dialtone up` has its own beside the control file, and any other agent in the usual place.
func socketsOf(path string, file *control.File) []string {
	if named := namedState(path, file); named != "" {
		return []string{socketOf(named)}
	}
	beside, usual := filepath.Join(filepath.Dir(path), "state"), usualState()
	if beside == usual {
		return []string{socketOf(usual)}
	}
	return []string{socketOf(beside), socketOf(usual)}
}

// namedState is the state file that a control file names, also when it was refused; empty: none.
func namedState(path string, file *control.File) string {
	if file != nil {
		return file.Settings.StateFile
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	if found := statement.FindSubmatch(text); found != nil {
		return string(found[1])
	}
	return ""
}

func socketOf(state string) string { return state + ".sock" }

// openState opens the agent's database. A database that another agent holds is an error to end with; any other is one to live with.
func openState(state string) (*bbolt.DB, error) {
	folder, path := filepath.Dir(state), state+".db"
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return nil, fmt.Errorf("the state folder %s cannot be made: %w", folder, err)
	}
	db, err := openSafely(path)
	var refused *fs.PathError
	var system syscall.Errno
	switch {
	case err == nil:
		return db, nil
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fmt.Errorf("%s: %w", path, errInUse)
	case errors.As(err, &refused), errors.As(err, &system):
		return nil, fmt.Errorf("the state folder %s cannot be written: %w", folder, err)
	}
	return nil, fmt.Errorf("%s is damaged (%w): stop the agent, move the file aside, start it again", path, err)
}

// openSafely opens a database and writes to it once. bbolt panics on some damages, and reading the mapped pages of a file that was cut
// short is a fault.
func openSafely(path string) (db *bbolt.DB, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			db, err = nil, fmt.Errorf("reading it broke: %v", p)
		}
	}()
	db, err = bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		return nil, err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists([]byte("agent"))
		return err
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

var errInUse = errors.New("another agent uses this state file; end it, or give this one its own with `set statefile`")

// openShelter opens a database that lasts as long as the agent, for the spool of one whose state folder cannot be written.
func openShelter() (db *bbolt.DB, remove func() error, err error) {
	dir, err := os.MkdirTemp("", "dialtone-spool-")
	if err != nil {
		return nil, nil, fmt.Errorf("making a folder for the spool: %w", err)
	}
	remove = func() error { return os.RemoveAll(dir) }
	db, err = bbolt.Open(filepath.Join(dir, "spool.db"), 0o600, &bbolt.Options{Timeout: time.Second, NoSync: true})
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("opening a spool: %w", err), remove())
	}
	return db, remove, nil
}

// identity reads the ID of this installation, or makes one. One that cannot be written down lasts as long as the agent.
func identity(file *control.File, state string) string {
	path := idFile(file, state)
	if text, err := os.ReadFile(path); err == nil {
		if id := strings.TrimSpace(string(text)); id != "" && len(id) <= 64 && !strings.ContainsAny(id, "/\n \t") {
			return id
		}
	}
	id := randomID()
	_ = os.WriteFile(path, []byte(id+"\n"), 0o600) // the database says the same of the folder, and louder
	return id
}

func idFile(file *control.File, state string) string {
	if file.Settings.IDFile != "" {
		return file.Settings.IDFile
	}
	return state + ".id"
}

func randomID() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // never fails, see crypto/rand
	return hex.EncodeToString(b)
}

// otherWatcher is a Monit that runs with this control file's pidfile: two who repair the same services restart each of them twice.
func otherWatcher(pidfile string) error {
	pid := numberIn(pidfile)
	if pid <= 0 || pid == os.Getpid() || nameOf(pid) != "monit" {
		return nil
	}
	return fmt.Errorf("monit runs with this control file (pid %d, %s) and would repair the same services; "+
		"end it first, as with `systemctl disable --now monit`", pid, pidfile)
}

// numberIn is the process id in a pidfile; 0 where nobody has left one.
func numberIn(pidfile string) int {
	text, _ := os.ReadFile(pidfile)
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return pid
}

// nameOf is the name of a process; empty where there is none.
func nameOf(pid int) string {
	text, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "comm"))
	return strings.TrimSpace(string(text))
}

// writePidfile writes the process id as Monit does; the returned function removes it.
func writePidfile(path string) (func() error, error) {
	if path == "" {
		return func() error { return nil }, nil
	}
	if err := os.WriteFile(path, fmt.Appendf(nil, "%d\n", os.Getpid()), 0o644); err != nil {
		return nil, fmt.Errorf("writing the pidfile: %w", err)
	}
	return func() error { return os.Remove(path) }, nil
}
