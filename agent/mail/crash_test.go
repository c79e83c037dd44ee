package mail

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	netmail "net/mail"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/control"
)

// The test binary is also the process that is killed: an agent's mail.
const (
	envDir  = "DIALTONE_TEST_DIR"
	envPort = "DIALTONE_TEST_PORT"
)

func roleOfThisProcess() func() {
	if os.Getenv(envDir) != "" {
		return mailProcess
	}
	return nil
}

// mailProcess makes events until it is killed, and prints the service of each once what is to be mailed of it is on disk.
func mailProcess() {
	db, err := bbolt.Open(filepath.Join(os.Getenv(envDir), "state.db"), 0o600, &bbolt.Options{Timeout: 30 * time.Second})
	exitOn(err)
	server := &control.MailServer{Host: "127.0.0.2"}
	_, err = fmt.Sscan(os.Getenv(envPort), &server.Port)
	exitOn(err)
	file := &control.File{Path: "/etc/dialtone.conf"}
	file.Settings.Alerts = []*control.MailAlert{everything("ada@example.com")}
	file.Settings.Mail = control.MailServers{Servers: []*control.MailServer{server}, Timeout: time.Second}
	quick := usual
	quick.gather, quick.batch, quick.retryMin, quick.retryMax = time.Millisecond, time.Millisecond, 5*time.Millisecond, 20*time.Millisecond
	m, err := newMailer(Config{File: func() *control.File { return file }, DB: db, Log: slog.New(slog.DiscardHandler)}, quick, sendSMTP)
	exitOn(err)
	go m.office.run(context.Background())
	for n, tick := 0, time.NewTicker(3*time.Millisecond); ; n++ {
		<-tick.C
		service := fmt.Sprintf("%d-%d", os.Getpid(), n)
		m.Events(dialtone.Event{
			ID: service, At: time.Now().UTC(), Node: "web1", Kind: dialtone.EventChange, Service: service, ServiceKind: "file", Why: "checksum changed",
			Turns: []dialtone.Turn{{Type: "checksum", Failed: true}},
		})
		m.step(time.Now()) // as keep's goroutine does it
		fmt.Println(service)
	}
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// live lets a process make events for a while, kills it, and returns those whose mail it had on disk.
func live(t *testing.T, dir string, port int, span time.Duration) []string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), envDir+"="+dir, fmt.Sprint(envPort, "=", port))
	p, err := os.StartProcess(exe, []string{exe}, &os.ProcAttr{Env: env, Files: []*os.File{nil, w, os.Stderr}})
	if err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	time.AfterFunc(span, func() { _ = p.Kill() })
	var kept []string
	for s := bufio.NewScanner(r); s.Scan(); {
		kept = append(kept, s.Text())
	}
	_, _ = p.Wait()
	_ = r.Close()
	return kept
}

var named = regexp.MustCompile(`\d+-\d+ on web1`)

// arrived counts the messages that name each service.
func arrived(t *testing.T, s *stranger) map[string]int {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	count := map[string]int{}
	for _, text := range s.messages {
		m, err := netmail.ReadMessage(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		once := map[string]bool{}
		for _, name := range named.FindAllString(bodyOf(t, m), -1) {
			once[strings.TrimSuffix(name, " on web1")] = true
		}
		for name := range once {
			count[name]++
		}
	}
	return count
}

func TestKilledAtAnyMomentNoMailIsLost(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes for several seconds")
	}
	box, dir := newStranger(t, "8BITMIME"), t.TempDir()
	var promised []string
	const rounds = 12
	for range rounds {
		promised = append(promised, live(t, dir, box.port, time.Duration(100+rand.IntN(300))*time.Millisecond)...)
	}
	live(t, dir, box.port, 3*time.Second) // sends what the others left
	missing, twice := 0, 0
	got := arrived(t, box)
	for _, service := range promised {
		switch got[service] {
		case 0:
			missing++
		case 1:
		default:
			twice++
		}
	}
	t.Logf("%d events on disk over %d kills; %d never arrived, %d arrived twice", len(promised), rounds, missing, twice)
	if missing > 0 || len(promised) < rounds || twice > digestMost*rounds {
		t.Error("mail was lost")
	}
}
