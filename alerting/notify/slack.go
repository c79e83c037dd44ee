package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/slack-go/slack"
)

// slackTimeout bounds one call of the Web API; slack-go's own client has no bound.
const slackTimeout = 5 * time.Second

// Slack's documented bounds of Block Kit texts, in characters.
const (
	slackHeader  = 150
	slackSection = 3000
)

// noticeEvent names our metadata, by which a message is found again after a crash.
const noticeEvent = "dialtone_notice"

// SlackConfig is one channel. Channel and Token are needed. The app needs the scopes chat:write and files:write, and
// channels:history (groups:history for a private channel) to find its own message again after a crash.
type SlackConfig struct {
	Channel string // ID, as in C0123456789
	Token   Secret // bot token, xoxb-…
	APIURL  string // another address of the Web API, for tests and relays; empty: Slack's
}

// Slack keeps one message an incident: posted when it breaks, updated in place, with what happens since in its thread.
type Slack struct {
	cfg    SlackConfig
	client *http.Client
}

// NewSlack reads the token once, to know that it can.
func NewSlack(cfg SlackConfig) (*Slack, error) {
	if _, err := cfg.Token.Read(); err != nil {
		return nil, err
	}
	if cfg.APIURL == "" {
		cfg.APIURL = slack.APIURL
	}
	if !strings.HasSuffix(cfg.APIURL, "/") {
		cfg.APIURL += "/"
	}
	return &Slack{cfg: cfg, client: &http.Client{Timeout: slackTimeout}}, nil
}

// Send posts, or updates and answers in the thread. Receipt.External is "channel/timestamp".
func (s *Slack) Send(ctx context.Context, m Message) (Receipt, error) {
	token, err := s.cfg.Token.Read()
	if err != nil {
		return Receipt{}, err
	}
	api := slack.New(token, slack.OptionAPIURL(s.cfg.APIURL), slack.OptionHTTPClient(s.client))
	channel, parent, threaded := strings.Cut(m.Thread, "/")
	if !threaded || m.Reason == "again" {
		return s.post(ctx, api, m)
	}
	receipt, err := s.reply(ctx, api, m, channel, parent)
	if gone(err) {
		return s.post(ctx, api, m)
	}
	return receipt, err
}

// post makes the incident's message, and puts the graph into its thread.
func (s *Slack) post(ctx context.Context, api *slack.Client, m Message) (Receipt, error) {
	ts, err := s.find(ctx, api, m, "")
	if err == nil && ts == "" {
		_, ts, err = api.PostMessageContext(ctx, s.cfg.Channel, s.content(m)...)
	}
	if err != nil {
		return Receipt{}, slackError(err)
	}
	receipt := Receipt{External: s.cfg.Channel + "/" + ts}
	if err := s.upload(ctx, api, m, ts); err != nil {
		receipt.Note = "the graph was not sent: " + err.Error()
	}
	return receipt, nil
}

// reply updates the incident's message, then says in the thread, and in the channel, what changed: an update alone makes
// no sound.
func (s *Slack) reply(ctx context.Context, api *slack.Client, m Message, channel, parent string) (Receipt, error) {
	if _, _, _, err := api.UpdateMessageContext(ctx, channel, parent, s.content(m)...); err != nil {
		return Receipt{}, slackError(err)
	}
	ts, err := s.find(ctx, api, m, parent)
	if err == nil && ts == "" {
		letter := Write(m)
		_, ts, err = api.PostMessageContext(ctx, channel,
			slack.MsgOptionTS(parent), slack.MsgOptionBroadcast(), slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionMetadata(metadata(m)),
			slack.MsgOptionText(escape(letter.Title+"\n"+strings.Join(letter.Lines, "\n")), false))
	}
	if err != nil {
		return Receipt{}, slackError(err)
	}
	return Receipt{External: channel + "/" + ts}, nil
}

// find looks for the message of an earlier attempt whose answer was lost. Without the scope to look, the message is posted
// once more: twice is better than not at all.
func (s *Slack) find(ctx context.Context, api *slack.Client, m Message, parent string) (string, error) {
	if m.Attempt < 2 {
		return "", nil
	}
	oldest := fmt.Sprintf("%d.000000", m.Created.Add(-5*time.Second).Unix())
	var messages []slack.Message
	var err error
	if parent == "" {
		var page *slack.GetConversationHistoryResponse
		page, err = api.GetConversationHistoryContext(ctx, &slack.GetConversationHistoryParameters{
			ChannelID: s.cfg.Channel, Oldest: oldest, Limit: 100, IncludeAllMetadata: true,
		})
		if err == nil {
			messages = page.Messages
		}
	} else {
		messages, _, _, err = api.GetConversationRepliesContext(ctx, &slack.GetConversationRepliesParameters{
			ChannelID: s.cfg.Channel, Timestamp: parent, Oldest: oldest, Limit: 100, IncludeAllMetadata: true,
		})
	}
	if code(err) == "missing_scope" {
		return "", nil
	}
	for _, old := range messages {
		if old.Metadata.EventType == noticeEvent && old.Metadata.EventPayload["id"] == m.ID {
			return old.Timestamp, nil
		}
	}
	return "", err
}

func (s *Slack) upload(ctx context.Context, api *slack.Client, m Message, parent string) error {
	if len(m.Image) == 0 || len(m.Image) > maxImage {
		return nil
	}
	_, err := api.UploadFileContext(ctx, slack.UploadFileParameters{
		Reader: bytes.NewReader(m.Image), FileSize: len(m.Image), Filename: "graph.png", Title: "The graph of this incident",
		AltTxt: "graph of " + subject(m.Incident), Channel: s.cfg.Channel, ThreadTimestamp: parent,
	})
	return err
}

func (s *Slack) content(m Message) []slack.MsgOption {
	letter := Write(m)
	return []slack.MsgOption{
		slack.MsgOptionText(escape(letter.Title), false), // what a telephone's lock screen shows
		slack.MsgOptionBlocks(blocks(m, letter)...),
		slack.MsgOptionMetadata(metadata(m)),
		slack.MsgOptionDisableLinkUnfurl(),
	}
}

func metadata(m Message) slack.SlackMetadata {
	return slack.SlackMetadata{EventType: noticeEvent, EventPayload: map[string]any{"id": m.ID}}
}

func blocks(m Message, l Letter) []slack.Block {
	all := []slack.Block{
		slack.NewHeaderBlock(slack.NewTextBlockObject(slack.PlainTextType, cut(mark(m)+" "+l.Title, slackHeader), true, false)),
	}
	if len(l.Lines) > 0 {
		all = append(all, section(escape(strings.Join(l.Lines, "\n"))))
	}
	if len(l.Items) > 0 {
		lines := make([]string, len(l.Items))
		for i, item := range l.Items {
			lines[i] = "• " + link(item.Link, item.Text)
		}
		for part := range slices.Chunk(lines, 8) {
			all = append(all, section(strings.Join(part, "\n")))
		}
	}
	if l.Output != "" {
		all = append(all, section("It printed:\n```"+escape(strings.ReplaceAll(l.Output, "```", "'''"))+"```"))
	}
	return append(all, section("*"+link(l.Link, "Open the page")+"*"))
}

func section(mrkdwn string) slack.Block {
	return slack.NewSectionBlock(slack.NewTextBlockObject(slack.MarkdownType, cut(mrkdwn, slackSection), false, true), nil, nil)
}

func mark(m Message) string {
	switch {
	case m.Kind == dialtone.NoticeResolved:
		return "✅"
	case m.Incident.Severity == dialtone.Warning:
		return "⚠️"
	}
	return "🔴"
}

func link(address, text string) string {
	return "<" + strings.NewReplacer("|", "%7C", ">", "%3E", "<", "%3C").Replace(address) + "|" + escape(text) + ">"
}

// escape makes a text inert in Slack's markup: no mentions, no links, no formatting of hostile names.
func escape(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}

// cut keeps a text within a bound of characters.
func cut(text string, n int) string {
	runes := []rune(text)
	if len(runes) <= n {
		return text
	}
	return string(runes[:n-1]) + "…"
}

// code is Slack's own word for what went wrong, or "".
func code(err error) string {
	if refusal, ok := errors.AsType[slack.SlackErrorResponse](err); ok {
		return refusal.Err
	}
	return ""
}

// gone reports whether the incident's message no longer exists: somebody deleted it.
func gone(err error) bool {
	return slices.Contains([]string{"message_not_found", "thread_not_found", "cant_update_message", "edit_window_closed"}, code(err))
}

// slackError sorts an answer: a pause asked for, a message that will never do, or trouble with a word of advice.
func slackError(err error) error {
	if limited, ok := errors.AsType[*slack.RateLimitedError](err); ok {
		return &BusyError{After: limited.RetryAfter}
	}
	switch code(err) {
	case "invalid_blocks", "invalid_blocks_format", "msg_too_long", "no_text", "msg_blocks_too_long", "metadata_too_large":
		return &RejectedError{Why: err.Error()}
	case "invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive":
		return fmt.Errorf("%w: the token is not good any more; put a new one into its file", err)
	case "not_in_channel", "channel_not_found", "is_archived":
		return fmt.Errorf("%w: invite the app to the channel (/invite), or choose another", err)
	}
	return err
}
