package notify

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

const (
	fakeToken   = "xoxb-1-secret"
	fakeChannel = "C0123456789"
)

// post is one message in the fake's channel.
type post struct {
	ts, thread, text, id string // id is our metadata's
	broadcast            bool
	updates              int
}

// slackServer speaks the part of Slack's Web API that a notifier needs, and refuses what Slack refuses: unknown methods
// fail the test; tokens, channels, threads, texts, blocks and metadata are checked as the API reference says.
type slackServer struct {
	t      *testing.T
	server *httptest.Server

	mu       sync.Mutex
	posts    []*post
	files    map[string][]byte // uploaded, by file ID
	shared   []string          // thread of each completed upload
	calls    []string
	answers  []string // errors to give to the next calls, "" for none
	loseNext bool     // the next message is kept, but its answer is lost
}

func newSlackServer(t *testing.T) *slackServer {
	s := &slackServer{t: t, files: map[string][]byte{}}
	s.server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.server.Close)
	return s
}

func (s *slackServer) notifier() *Slack {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(fakeToken+"\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	n, err := NewSlack(SlackConfig{Channel: fakeChannel, Token: Secret{File: file}, APIURL: s.server.URL + "/api"})
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

func (s *slackServer) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.HasPrefix(r.URL.Path, "/upload/") {
		s.upload(w, r)
		return
	}
	method := strings.TrimPrefix(r.URL.Path, "/api/")
	s.calls = append(s.calls, method)
	if err := r.ParseMultipartForm(1 << 20); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		s.t.Errorf("%s: %v", method, err)
	}
	if r.FormValue("token") != fakeToken && r.Header.Get("Authorization") != "Bearer "+fakeToken {
		s.refuse(w, "invalid_auth")
		return
	}
	if len(s.answers) > 0 {
		answer := s.answers[0]
		s.answers = s.answers[1:]
		if answer == "ratelimited" {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		if answer != "" {
			s.refuse(w, answer)
			return
		}
	}
	methods := map[string]func(http.ResponseWriter, *http.Request){
		"chat.postMessage": s.postMessage, "chat.update": s.update,
		"conversations.history": s.history, "conversations.replies": s.history,
		"files.getUploadURLExternal": s.uploadURL, "files.completeUploadExternal": s.complete,
	}
	handle, known := methods[method]
	if !known {
		s.t.Errorf("Slack has no method %q, or the notifier has no business with it", method)
		s.refuse(w, "unknown_method")
		return
	}
	handle(w, r)
}

func (s *slackServer) refuse(w http.ResponseWriter, code string) {
	s.answer(w, map[string]any{"ok": false, "error": code})
}

func (s *slackServer) answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		s.t.Errorf("answering: %v", err)
	}
}

func (s *slackServer) postMessage(w http.ResponseWriter, r *http.Request) {
	p := &post{ts: fmt.Sprintf("1700000000.%06d", len(s.posts)+1), thread: r.FormValue("thread_ts"), text: r.FormValue("text"), broadcast: r.FormValue("reply_broadcast") == "true"}
	if problem := s.check(r, p); problem != "" {
		s.refuse(w, problem)
		return
	}
	s.posts = append(s.posts, p)
	if s.loseNext {
		s.loseNext = false
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	s.answer(w, map[string]any{"ok": true, "channel": fakeChannel, "ts": p.ts})
}

// check returns the word with which Slack refuses a message, or "".
func (s *slackServer) check(r *http.Request, p *post) string {
	if r.FormValue("channel") != fakeChannel {
		return "channel_not_found"
	}
	if p.thread != "" && s.find(p.thread) == nil {
		return "thread_not_found"
	}
	text, raw := r.FormValue("text"), r.FormValue("blocks")
	if text == "" && raw == "" {
		return "no_text"
	}
	if utf8.RuneCountInString(text) > 40000 {
		return "msg_too_long"
	}
	if raw != "" {
		if problem := checkBlocks([]byte(raw)); problem != "" {
			return problem
		}
	}
	return p.readMetadata(r.FormValue("metadata"))
}

func (p *post) readMetadata(raw string) string {
	var metadata struct {
		EventType    string         `json:"event_type"`
		EventPayload map[string]any `json:"event_payload"`
	}
	if err := json.Unmarshal([]byte(raw), &metadata); err != nil || metadata.EventType == "" {
		return "invalid_metadata_format"
	}
	p.id, _ = metadata.EventPayload["id"].(string)
	return ""
}

// checkBlocks holds blocks to the Block Kit reference: 50 blocks, header 150 plain characters, section 3000.
func checkBlocks(raw []byte) string {
	var blocks []struct {
		Type string `json:"type"`
		Text *struct {
			Type string `json:"type"`
			Text string `json:"text"`
		} `json:"text"`
	}
	if err := json.Unmarshal(raw, &blocks); err != nil {
		return "invalid_blocks_format"
	}
	if len(blocks) == 0 || len(blocks) > 50 {
		return "invalid_blocks"
	}
	for _, b := range blocks {
		bounds := map[string]int{"header": 150, "section": 3000}
		most, known := bounds[b.Type]
		if !known || b.Text == nil || b.Text.Text == "" || utf8.RuneCountInString(b.Text.Text) > most {
			return "invalid_blocks"
		}
		if b.Type == "header" && b.Text.Type != "plain_text" {
			return "invalid_blocks"
		}
	}
	return ""
}

func (s *slackServer) find(ts string) *post {
	for _, p := range s.posts {
		if p.ts == ts {
			return p
		}
	}
	return nil
}

func (s *slackServer) update(w http.ResponseWriter, r *http.Request) {
	p := s.find(r.FormValue("ts"))
	if p == nil {
		s.refuse(w, "message_not_found")
		return
	}
	changed := &post{}
	if problem := s.check(r, changed); problem != "" {
		s.refuse(w, problem)
		return
	}
	p.text = r.FormValue("text")
	p.updates++
	s.answer(w, map[string]any{"ok": true, "channel": fakeChannel, "ts": p.ts, "text": p.text})
}

func (s *slackServer) history(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("include_all_metadata") == "" || r.FormValue("channel") != fakeChannel {
		s.t.Errorf("history without metadata or channel: %v", r.Form)
	}
	messages := []map[string]any{}
	for _, p := range s.posts {
		if p.thread != r.FormValue("ts") {
			continue
		}
		messages = append(messages, map[string]any{
			"type": "message", "ts": p.ts, "text": p.text,
			"metadata": map[string]any{"event_type": "dialtone_notice", "event_payload": map[string]any{"id": p.id}},
		})
	}
	s.answer(w, map[string]any{"ok": true, "messages": messages})
}

func (s *slackServer) uploadURL(w http.ResponseWriter, r *http.Request) {
	if n, err := strconv.Atoi(r.FormValue("length")); err != nil || n < 1 || r.FormValue("filename") == "" {
		s.refuse(w, "missing_argument")
		return
	}
	s.answer(w, map[string]any{"ok": true, "file_id": "F1", "upload_url": s.server.URL + "/upload/F1"})
}

func (s *slackServer) upload(w http.ResponseWriter, r *http.Request) {
	file, _, err := r.FormFile("file")
	if err != nil {
		s.t.Errorf("upload: %v", err)
		return
	}
	content, err := io.ReadAll(file)
	if err != nil {
		s.t.Errorf("upload: %v", err)
	}
	s.files[strings.TrimPrefix(r.URL.Path, "/upload/")] = content
	w.WriteHeader(http.StatusOK)
}

func (s *slackServer) complete(w http.ResponseWriter, r *http.Request) {
	var files []struct{ ID, Title string }
	if err := json.Unmarshal([]byte(r.FormValue("files")), &files); err != nil || len(files) != 1 || s.files[files[0].ID] == nil {
		s.refuse(w, "invalid_arguments")
		return
	}
	if r.FormValue("channel_id") != fakeChannel || s.find(r.FormValue("thread_ts")) == nil {
		s.refuse(w, "invalid_channel")
		return
	}
	s.shared = append(s.shared, r.FormValue("thread_ts"))
	s.answer(w, map[string]any{"ok": true, "files": []map[string]any{{"id": files[0].ID, "title": files[0].Title}}})
}

func (s *slackServer) called(want ...string) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if diff := cmp.Diff(want, s.calls); diff != "" {
		s.t.Errorf("calls (-want +got):\n%s", diff)
	}
	s.calls = nil
}
