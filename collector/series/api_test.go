package series

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/api"
	client "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/internal/command"
	"github.com/dialtone/dialtone/internal/testkit"
)

// serve serves the API of a store with ten minutes of two series of web1, the last of them at the time it returns.
func serve(t *testing.T, change func(*Config)) (*Store, *httptest.Server, time.Time) {
	t.Helper()
	s, at := open(t, t.TempDir(), change), now()
	for i := range 11 {
		when := at.Add(time.Duration(i-10) * time.Minute)
		mustAppend(t, s, "web1", sample("node_load1", when, float64(i)), sample("dialtone_heals_total", when, float64(i), "service", "nginx"))
	}
	s.SetMetadata([]dialtone.Metric{
		{Name: "node_load1", Type: dialtone.Gauge, Help: "1m load average."},
		{Name: "dialtone_heals_total", Type: dialtone.Counter, Help: "Heals."},
	})
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	return s, server, at
}

// TestTheAnswersOfPrometheus asks what a Grafana data source asks; the shapes are those of the Prometheus documentation.
func TestTheAnswersOfPrometheus(t *testing.T) {
	_, server, at := serve(t, nil)
	instant := at.Format(time.RFC3339)
	tests := []struct {
		path string
		want string // of data
	}{
		{
			"query?query=node_load1&time=" + instant,
			`{"resultType":"vector","result":[{"metric":{"__name__":"node_load1","instance":"web1","job":"node"},"value":[` + unix(at) + `,"10"]}]}`,
		},
		{
			"query_range?query=node_load1&step=60&start=" + unix(at.Add(-time.Minute)) + "&end=" + unix(at),
			`{"resultType":"matrix","result":[{"metric":{"__name__":"node_load1","instance":"web1","job":"node"},"values":[[` + unix(at.Add(-time.Minute)) + `,"9"],[` + unix(at) + `,"10"]]}]}`,
		},
		{"labels", `["__name__","instance","job","service"]`},
		{"label/__name__/values", `["dialtone_heals_total","node_load1"]`},
		{"series?match[]=node_load1", `[{"__name__":"node_load1","instance":"web1","job":"node"}]`},
		{"metadata?metric=node_load1", `{"node_load1":[{"type":"gauge","help":"1m load average.","unit":""}]}`},
		{"metadata?limit=0", `{}`},
		{"rules", `{"groups":[]}`},
		{"alerts", `{"alerts":[]}`},
		{"alertmanagers", `{"activeAlertmanagers":[],"droppedAlertmanagers":[]}`},
		{"targets", `{"activeTargets":[],"droppedTargets":[],"droppedTargetCounts":{}}`},
		{"query_exemplars?query=node_load1&start=" + unix(at) + "&end=" + unix(at), `[]`},
		{"format_query?query=sum(node_load1)by(job)", `"sum by (job) (node_load1)"`},
		{"status/flags", `{"storage.tsdb.retention.time":"1080h0m0s"}`},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			status, body := get(t, server, tt.path)
			if status != http.StatusOK || body.Status != "success" {
				t.Fatalf("%d %s: %s", status, body.Status, body.Error)
			}
			if diff := cmp.Diff(tt.want, string(body.Data)); diff != "" {
				t.Errorf("data (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatIsWrongIsToldAsPrometheusTellsIt(t *testing.T) {
	_, server, _ := serve(t, nil)
	tests := []struct {
		path, method, kind string
		status             int
	}{
		{"query?query=sum(", http.MethodGet, "bad_data", http.StatusBadRequest},
		{"query_range?query=m&start=0&end=1000000&step=1", http.MethodGet, "bad_data", http.StatusBadRequest},
		{"metadata?limit=few", http.MethodGet, "bad_data", http.StatusBadRequest},
		{"admin/tsdb/snapshot", http.MethodPost, "unavailable", http.StatusInternalServerError},
	}
	for _, tt := range tests {
		status, body := do(t, server, tt.method, tt.path)
		if status != tt.status || body.ErrorType != tt.kind || body.Error == "" {
			t.Errorf("%s: %d %s %q, want %d %s", tt.path, status, body.ErrorType, body.Error, tt.status, tt.kind)
		}
	}
	if status, _ := do(t, server, http.MethodPost, "write"); status != http.StatusNotFound {
		t.Errorf("remote write answers %d while it is off, want 404", status)
	}
}

// TestTheOfficialClient uses the API through the client library of the Prometheus project.
func TestTheOfficialClient(t *testing.T) {
	s, server, at := serve(t, func(c *Config) { c.Version = "1.2.3" })
	c, err := api.NewClient(api.Config{Address: server.URL, Client: server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	prom, ctx := client.NewAPI(c), t.Context()

	answer, _, _, err := prom.QueryRange(ctx, "rate(dialtone_heals_total[2m])", client.Range{Start: at, End: at, Step: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if m, ok := answer.(model.Matrix); !ok || len(m) != 1 || m[0].Metric["service"] != "nginx" || m[0].Values[0].Value <= 0 {
		t.Errorf("query_range: %v", answer)
	}
	build, err := prom.Buildinfo(ctx)
	if err != nil || build.Version != apiVersion || build.Revision != "dialtone 1.2.3" {
		t.Errorf("buildinfo: %+v, %v", build, err)
	}
	info, err := prom.Runtimeinfo(ctx)
	if err != nil || info.StorageRetention != s.cfg.Retention.String() || info.CWD != s.cfg.Dir {
		t.Errorf("runtimeinfo: %+v, %v", info, err)
	}
	stats, err := prom.TSDB(ctx)
	if err != nil || stats.HeadStats.NumSeries != 2 {
		t.Errorf("status/tsdb: %+v, %v", stats, err)
	}
	settings, err := prom.Config(ctx)
	if err != nil || !strings.Contains(settings.YAML, "scrape_interval") {
		t.Errorf("status/config: %+v, %v", settings, err)
	}
	replay, err := prom.WalReplay(ctx)
	if err != nil {
		t.Errorf("status/walreplay: %+v, %v", replay, err)
	}
}

// TestRealPromtool asks with Debian's promtool, thirteen minor versions of Prometheus older than the store.
func TestRealPromtool(t *testing.T) {
	promtool := testkit.Program(t, "prometheus", "promtool")
	_, server, at := serve(t, nil)
	tests := []struct {
		args []string
		want string
	}{
		{[]string{"instant", "--time=" + unix(at), server.URL, "node_load1"}, `node_load1{instance="web1", job="node"} => 10 @[` + unix(at) + "]\n"},
		{
			[]string{"range", "--start=" + unix(at.Add(-time.Minute)), "--end=" + unix(at), "--step=1m", server.URL, "sum(node_load1)"},
			"{} =>\n9 @[" + unix(at.Add(-time.Minute)) + "]\n10 @[" + unix(at) + "]\n",
		},
		{[]string{"series", "--match=node_load1", server.URL}, `{__name__="node_load1", instance="web1", job="node"}` + "\n"},
		{[]string{"labels", server.URL, "instance"}, "web1\n"},
	}
	for _, tt := range tests {
		r, err := command.Run(t.Context(), promtool.Spec(append([]string{"query"}, tt.args...)...))
		if err != nil || r.ExitCode != 0 {
			t.Fatalf("promtool %s: %v, exit status %d: %s", tt.args, err, r.ExitCode, r.Output)
		}
		if diff := cmp.Diff(tt.want, r.Output); diff != "" {
			t.Errorf("promtool %s (-want +got):\n%s", tt.args, diff)
		}
	}
}

// TestRemoteWrite sends what Prometheus servers send: protobuf in snappy, in both versions.
func TestRemoteWrite(t *testing.T) {
	s, server, _ := serve(t, func(c *Config) { c.RemoteWrite = true })
	ms, label := time.Now().UnixMilli(), []prompb.Label{{Name: "__name__", Value: "remote_one"}, {Name: "instance", Value: "other:9100"}}
	v1, err := (&prompb.WriteRequest{Timeseries: []prompb.TimeSeries{{Labels: label, Samples: []prompb.Sample{{Value: 1, Timestamp: ms}}}}}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	v2, err := (&writev2.Request{
		Symbols:    []string{"", "__name__", "remote_two", "instance", "other:9100"},
		Timeseries: []writev2.TimeSeries{{LabelsRefs: []uint32{1, 2, 3, 4}, Samples: []writev2.Sample{{Value: 2, Timestamp: ms}}}},
	}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	late, err := (&prompb.WriteRequest{Timeseries: []prompb.TimeSeries{{Labels: label, Samples: []prompb.Sample{{Value: 1, Timestamp: ms + 3.6e6}}}}}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	const one, two = "application/x-protobuf", "application/x-protobuf;proto=io.prometheus.write.v2.Request"
	for _, tt := range []struct {
		name, kind string
		body       []byte
		want       int
	}{
		{"1.0", one, v1, http.StatusNoContent},
		{"2.0", two, v2, http.StatusNoContent},
		{"an hour ahead", one, late, http.StatusBadRequest},
		{"no protobuf", one, []byte("hello"), http.StatusBadRequest},
	} {
		if got := write(t, server, tt.kind, tt.body); got != tt.want {
			t.Errorf("%s answers %d, want %d", tt.name, got, tt.want)
		}
	}
	if one, two := kept(t, s, `remote_one{instance="other:9100"}`), kept(t, s, "remote_two"); one != 1 || two != 1 {
		t.Errorf("%v and %v samples are kept, want 1 and 1", one, two)
	}
	if got := value(t, s, "dialtone_series_sync_seconds"); got < 1 {
		t.Error("remote write was answered without an fsync")
	}
	s.disk = newDisk(s.cfg.Dir, 1<<62)
	if got := write(t, server, one, v1); got != http.StatusInternalServerError {
		t.Errorf("a full disk answers %d, want 500", got)
	}
}

func write(t *testing.T, server *httptest.Server, kind string, body []byte) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/api/v1/write", bytes.NewReader(snappy.Encode(nil, body)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Content-Encoding", "snappy")
	status, _ := send(t, server, r)
	return status
}

// body is what every call of the API answers.
type body struct {
	Status    string          `json:"status"`
	Data      json.RawMessage `json:"data"`
	ErrorType string          `json:"errorType"`
	Error     string          `json:"error"`
}

func get(t *testing.T, server *httptest.Server, path string) (int, body) {
	t.Helper()
	return do(t, server, http.MethodGet, path)
}

func do(t *testing.T, server *httptest.Server, method, path string) (int, body) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	call, query, _ := strings.Cut(path, "?")
	target := server.URL + "/api/v1/" + call + "?" + strings.ReplaceAll(url.PathEscape(query), "+", "%2B")
	r, err := http.NewRequestWithContext(ctx, method, target, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	status, text := send(t, server, r)
	var b body
	_ = json.Unmarshal(text, &b) // what is no JSON has no status
	return status, b
}

func send(t *testing.T, server *httptest.Server, r *http.Request) (int, []byte) {
	t.Helper()
	answer, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, text
}

func unix(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }
