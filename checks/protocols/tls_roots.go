package protocols

import (
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/dialtone/dialtone/control"
)

// mostRoots bounds the files that are read of a CA folder; Debian's /etc/ssl/certs has about 450.
const mostRoots = 4096

// pools keeps what was read of CA files and folders, for a test runs every few seconds and they change once a year.
var pools struct {
	sync.Mutex
	known map[[2]string]pool
}

type pool struct {
	roots *x509.CertPool
	stamp [2]time.Time // when file and folder were changed last
}

// rootsOf returns the certificates that the options trust; nil is this machine's own.
func rootsOf(o *control.TLS) (*x509.CertPool, error) {
	if o.VerifyOff || o.CAFile == "" && o.CAPath == "" {
		return nil, nil
	}
	key, stamp := [2]string{o.CAFile, o.CAPath}, [2]time.Time{changed(o.CAFile), changed(o.CAPath)}
	pools.Lock()
	defer pools.Unlock()
	if p, known := pools.known[key]; known && p.stamp == stamp {
		return p.roots, nil
	}
	roots, err := readRoots(o.CAFile, o.CAPath)
	if err != nil {
		return nil, err
	}
	if pools.known == nil {
		pools.known = make(map[[2]string]pool, 1)
	}
	pools.known[key] = pool{roots: roots, stamp: stamp}
	return roots, nil
}

func changed(path string) time.Time {
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

func readRoots(file, folder string) (*x509.CertPool, error) {
	roots, found := x509.NewCertPool(), false
	if file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		found = roots.AppendCertsFromPEM(text)
	}
	if folder != "" {
		entries, err := os.ReadDir(folder)
		if err != nil {
			return nil, err
		}
		for _, entry := range entries[:min(len(entries), mostRoots)] {
			// What cannot be read or is no certificate is none of this folder's roots: keys and links to nowhere lie there too.
			if text, err := os.ReadFile(filepath.Join(folder, entry.Name())); err == nil {
				found = roots.AppendCertsFromPEM(text) || found
			}
		}
	}
	if !found {
		return nil, errors.New("no certificate is in " + strings.TrimSpace(file+" "+folder))
	}
	return roots, nil
}
