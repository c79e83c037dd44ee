package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// The requests of the command socket: HTTP over a Unix socket, JSON both ways.
const (
	statusPath   = "/status"
	doPath       = "/do"
	reloadPath   = "/reload"
	validatePath = "/validate"
	quitPath     = "/quit"
	metricsPath  = "/metrics"
)

// request is the body of doPath.
type request struct {
	Verb  Verb     `json:"verb"`
	Names []string `json:"names"`
}

// reply is the body of every answer but the status and the metrics.
type reply struct {
	Error string `json:"error,omitempty"`
	Ends  string `json:"ends,omitempty"` // of quit: what ends
}

// RunningError says that another agent has the socket.
type RunningError struct {
	PID    int
	Socket string
}

func (e *RunningError) Error() string {
	return fmt.Sprintf("another agent is already running (pid %d) and answers on %s; stop it with `dialtone-agent quit`", e.PID, e.Socket)
}

// Listen takes the command socket. A file that a dead agent left behind is replaced; one on which somebody answers is a RunningError.
func Listen(ctx context.Context, path string) (net.Listener, error) {
	if c, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "unix", path); err == nil {
		pid := 0
		if who, err := peerOf(c); err == nil {
			pid = int(who.Pid)
		}
		_ = c.Close()
		return nil, &RunningError{PID: pid, Socket: path}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, fmt.Errorf("making the folder of the command socket: %w", err)
	}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("looking at the command socket: %w", err)
	case info.Mode()&fs.ModeSocket == 0:
		return nil, fmt.Errorf("%s is in the way of the command socket, and is no socket; set statefile elsewhere or remove it", path)
	default:
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("removing the command socket of an agent that is gone: %w", err)
		}
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("listening for commands: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("closing the command socket to others: %w", err)
	}
	return l, nil
}

// Serve answers commands on l until ctx ends, and closes l. quit is called for `quit`.
//
// Only root and the user that runs the agent are heard: the kernel says who is at the other end (SO_PEERCRED, unix(7)).
func (a *Agent) Serve(ctx context.Context, l net.Listener, quit func()) error {
	server := &http.Server{
		Handler: a.commands(quit), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 1 << 16,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			who, err := peerOf(c)
			if err != nil {
				return ctx
			}
			return context.WithValue(ctx, peerKey{}, who)
		},
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if server.Shutdown(late) != nil {
			_ = server.Close()
		}
	})
	err := server.Serve(l)
	if !stop() {
		<-ended // the last answers are out
	}
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving commands: %w", err)
	}
	return nil
}

type peerKey struct{}

// commands are the handlers, behind the question who asks.
func (a *Agent) commands(quit func()) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+statusPath, func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, a.Status()) })
	mux.Handle("GET "+metricsPath, a.Metrics())
	mux.HandleFunc("POST "+doPath, func(w http.ResponseWriter, r *http.Request) {
		var asked request
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&asked); err != nil {
			http.Error(w, "reading the order: "+err.Error(), http.StatusBadRequest)
			return
		}
		answerError(w, a.Do(r.Context(), asked.Verb, asked.Names, whoAsks(r)))
	})
	mux.HandleFunc("POST "+reloadPath, func(w http.ResponseWriter, r *http.Request) { answerError(w, a.Reload(r.Context())) })
	mux.HandleFunc("POST "+validatePath, func(w http.ResponseWriter, r *http.Request) { answerError(w, a.Validate(r.Context())) })
	mux.HandleFunc("POST "+quitPath, func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, reply{Ends: a.config.Ends})
		quit()
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, known := r.Context().Value(peerKey{}).(*unix.Ucred)
		if !known || (who.Uid != 0 && int(who.Uid) != os.Getuid()) {
			http.Error(w, "only root and the agent's own user may give commands", http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func answerJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // who has gone needs no answer
}

func answerError(w http.ResponseWriter, err error) {
	var r reply
	if err != nil {
		r.Error = err.Error()
	}
	answerJSON(w, r)
}

// whoAsks names the user at the other end, for the timeline.
func whoAsks(r *http.Request) string {
	who, known := r.Context().Value(peerKey{}).(*unix.Ucred)
	if !known {
		return "somebody"
	}
	id := strconv.Itoa(int(who.Uid))
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return "user " + id
}

// peerOf asks the kernel who is at the other end of a Unix socket.
func peerOf(c net.Conn) (*unix.Ucred, error) {
	socket, is := c.(*net.UnixConn)
	if !is {
		return nil, errors.New("not a Unix socket")
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil, err
	}
	var who *unix.Ucred
	var asked error
	if err := raw.Control(func(fd uintptr) { who, asked = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil {
		return nil, err
	}
	return who, asked
}
