package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dialtone/dialtone/collector/door"
)

// folder is the one folder that everything of `dialtone up` stands in; docs/design.md lists its files.
type folder string

func defaultFolder() string {
	if os.Geteuid() == 0 {
		return "/var/lib/dialtone"
	}
	if dir := os.Getenv("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "dialtone")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ".dialtone"
	}
	return filepath.Join(home, ".local", "state", "dialtone")
}

// openFolder makes the folder where it is missing and proves that it can be written before anything is started in it.
func openFolder(path string) (folder, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("state folder %s: %w", path, err)
	}
	if err := os.MkdirAll(abs, 0o700); err != nil {
		return "", fmt.Errorf("making the state folder: %w; choose another with --dir DIR", err)
	}
	probe, err := os.CreateTemp(abs, ".writable-*")
	if err != nil {
		return "", fmt.Errorf("writing into the state folder: %w; make it writable or choose another with --dir DIR", err)
	}
	_, err = probe.WriteString("dialtone")
	err = errors.Join(err, probe.Sync(), probe.Close(), os.Remove(probe.Name()))
	if err != nil {
		return "", fmt.Errorf("writing into the state folder: %w; free some space or choose another with --dir DIR", err)
	}
	return folder(abs), nil
}

func (f folder) path(name string) string { return filepath.Join(string(f), name) }
func (f folder) controlFile() string     { return f.path("dialtone.conf") }
func (f folder) settingsFile() string    { return f.path("collector.yaml") }
func (f folder) tokenFile() string       { return f.path("token") }
func (f folder) stateFile() string       { return f.path("state") }

// token returns what agents must show, and makes it at the first start.
func (f folder) token() (string, error) {
	token, err := door.Secret(f.tokenFile())
	if err != nil {
		return "", fmt.Errorf("the agents' token: %w", err)
	}
	return token, nil
}

// writeOnce writes what fill makes unless the file is there already. It reports whether it wrote.
func writeOnce(path string, fill func(*os.File) error) (bool, error) {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return false, err
	}
	err = errors.Join(fill(tmp), tmp.Chmod(0o600), tmp.Sync(), tmp.Close())
	if err != nil {
		return false, errors.Join(err, os.Remove(tmp.Name()))
	}
	return true, os.Rename(tmp.Name(), path)
}
