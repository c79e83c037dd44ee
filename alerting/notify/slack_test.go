package notify

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dialtone/dialtone"
)

func TestSlackKeepsOneMessageAnIncident(t *testing.T) {
	s := newSlackServer(t)
	n := s.notifier()
	first := messages()["firing_healed"]
	receipt, err := n.Send(t.Context(), first)
	if err != nil || receipt.Note != "" {
		t.Fatalf("posting: %v %q", err, receipt.Note)
	}
	s.called("chat.postMessage", "files.getUploadURLExternal", "files.completeUploadExternal")
	if !bytes.Equal(s.files["F1"], onePixel) || len(s.shared) != 1 || s.shared[0] != s.posts[0].ts {
		t.Errorf("the graph is not in the thread: %v", s.shared)
	}
	over := messages()["resolved"]
	over.Thread = receipt.External
	if _, err := n.Send(t.Context(), over); err != nil {
		t.Fatal(err)
	}
	s.called("chat.update", "chat.postMessage")
	if s.posts[0].updates != 1 || s.posts[0].text != "nginx on web1 is well again" {
		t.Errorf("the message still reads %q", s.posts[0].text)
	}
	if s.posts[1].thread != s.posts[0].ts || !s.posts[1].broadcast {
		t.Errorf("the end is not told in the thread and the channel: %+v", s.posts[1])
	}
	again := messages()["again"]
	again.Thread = receipt.External
	if _, err := n.Send(t.Context(), again); err != nil || s.posts[2].thread != "" {
		t.Errorf("a new outage is a new message: %v %+v", err, s.posts)
	}
}

func TestSlackFindsItsMessageAfterALostAnswer(t *testing.T) {
	s := newSlackServer(t)
	n := s.notifier()
	m := messages()["firing"]
	s.loseNext = true
	if _, err := n.Send(t.Context(), m); err == nil || Rejected(err) {
		t.Fatalf("a lost answer is trouble of the way: %v", err)
	}
	m.Attempt = 2
	receipt, err := n.Send(t.Context(), m)
	if err != nil || len(s.posts) != 1 || receipt.External != fakeChannel+"/"+s.posts[0].ts {
		t.Errorf("%d messages, receipt %+v, %v", len(s.posts), receipt, err)
	}
	s.loseNext = true
	over := messages()["resolved"]
	over.ID, over.Thread = "another", receipt.External
	_, _ = n.Send(t.Context(), over)
	over.Attempt = 2
	if _, err := n.Send(t.Context(), over); err != nil || len(s.posts) != 2 {
		t.Errorf("in the thread: %d messages, %v", len(s.posts), err)
	}
}

func TestSlackPostsAnewWhenItsMessageWasDeleted(t *testing.T) {
	s := newSlackServer(t)
	m := messages()["resolved"]
	m.Thread = fakeChannel + "/1.1"
	if _, err := s.notifier().Send(t.Context(), m); err != nil || len(s.posts) != 1 || s.posts[0].thread != "" {
		t.Errorf("%+v %v", s.posts, err)
	}
}

func TestSlackAnswers(t *testing.T) {
	for _, c := range []struct {
		answer   string
		rejected bool
		pause    time.Duration
		says     string
	}{
		{answer: "ratelimited", pause: 7 * time.Second},
		{answer: "invalid_blocks", rejected: true},
		{answer: "invalid_auth", says: "put a new one into its file"},
		{answer: "not_in_channel", says: "invite the app"},
		{answer: "internal_error", says: "internal_error"},
	} {
		s := newSlackServer(t)
		s.answers = []string{c.answer}
		_, err := s.notifier().Send(t.Context(), messages()["firing"])
		if err == nil || Rejected(err) != c.rejected || Pause(err) != c.pause || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v (rejected %t, pause %s)", c.answer, err, Rejected(err), Pause(err))
		}
		if err != nil && strings.Contains(err.Error(), fakeToken) {
			t.Errorf("%s: the error shows the token", c.answer)
		}
	}
}

func TestSlackWithoutTheScopeToLookPostsTwice(t *testing.T) {
	s := newSlackServer(t)
	s.answers = []string{"missing_scope"}
	m := messages()["firing"]
	m.Attempt = 2
	if _, err := s.notifier().Send(t.Context(), m); err != nil || len(s.posts) != 1 {
		t.Errorf("%v %+v", err, s.posts)
	}
}

func TestSlackPageArrivesWithoutItsGraph(t *testing.T) {
	s := newSlackServer(t)
	s.answers = []string{"", "missing_scope"}
	receipt, err := s.notifier().Send(t.Context(), messages()["firing_healed"])
	if err != nil || receipt.Note != "the graph was not sent: GetUploadURLExternal: missing_scope" {
		t.Errorf("%v %q", err, receipt.Note)
	}
}

func TestSlackTokenIsReadAnew(t *testing.T) {
	s := newSlackServer(t)
	n := s.notifier()
	if err := os.WriteFile(n.cfg.Token.File, []byte("xoxb-old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Send(t.Context(), messages()["firing"]); err == nil {
		t.Error("a wrong token was taken")
	}
	if err := os.WriteFile(n.cfg.Token.File, []byte(fakeToken), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Send(t.Context(), messages()["firing"]); err != nil {
		t.Errorf("after the file was put right: %v", err)
	}
}

func TestSlackStopsWithItsContext(t *testing.T) {
	s := newSlackServer(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.notifier().Send(ctx, Message{Kind: dialtone.NoticeFiring}); err == nil {
		t.Error("sent after its context had ended")
	}
}

func TestSecrets(t *testing.T) {
	dir := t.TempDir()
	open, empty, good := filepath.Join(dir, "open"), filepath.Join(dir, "empty"), filepath.Join(dir, "good")
	for file, mode := range map[string]os.FileMode{open: 0o644, empty: 0o600, good: 0o600} {
		text := " secret \n"
		if file == empty {
			text = "\n"
		}
		if err := os.WriteFile(file, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("DIALTONE_TEST_SECRET", "from the environment")
	for _, c := range []struct {
		secret     Secret
		want, says string
	}{
		{Secret{File: good}, "secret", ""},
		{Secret{Env: "DIALTONE_TEST_SECRET"}, "from the environment", ""},
		{Secret{File: open}, "", "chmod 600"},
		{Secret{File: empty}, "", "is empty"},
		{Secret{File: filepath.Join(dir, "none")}, "", "no such file"},
		{Secret{Env: "DIALTONE_TEST_NONE"}, "", "is not set"},
	} {
		got, err := c.secret.Read()
		if got != c.want || (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %q, %v", c.secret, got, err)
		}
	}
}
