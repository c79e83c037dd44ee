package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSummarize(t *testing.T) {
	cases := []struct {
		name, in, want string
		ok             bool
	}{
		{"all pass, one skipped", `
{"Action":"run","Package":"a","Test":"TestOne"}
{"Action":"output","Package":"a","Test":"TestOne","Output":"--- PASS: TestOne (0.00s)\n"}
{"Action":"pass","Package":"a","Test":"TestOne"}
{"Action":"output","Package":"a","Test":"TestTwo","Output":"    x_test.go:3: needs a real server: no mirror\n"}
{"Action":"skip","Package":"a","Test":"TestTwo"}
{"Action":"output","Package":"a","Output":"ok  \ta\t0.1s\n"}
{"Action":"pass","Package":"a"}
`, "ok  \ta\t0.1s\nskipped TestTwo: needs a real server: no mirror\n1 passed, 0 failed, 1 skipped\n", true},
		{"a failure shows its output, a pass does not", `
{"Action":"output","Package":"a","Test":"TestOne","Output":"chatter\n"}
{"Action":"pass","Package":"a","Test":"TestOne"}
{"Action":"output","Package":"a","Test":"TestTwo","Output":"    x_test.go:9: got 2\n"}
{"Action":"fail","Package":"a","Test":"TestTwo"}
{"Action":"output","Package":"a","Output":"FAIL\ta\t0.1s\n"}
{"Action":"fail","Package":"a"}
`, "    x_test.go:9: got 2\nFAIL\ta\t0.1s\n1 passed, 1 failed, 0 skipped\n", false},
		{"a package that does not build", `
# a
{"ImportPath":"a","Action":"build-output","Output":"a.go:1:1: expected package\n"}
{"ImportPath":"a","Action":"build-fail"}
{"Action":"output","Package":"a","Output":"FAIL\ta [build failed]\n"}
{"Action":"fail","Package":"a","FailedBuild":"a"}
`, "# a\na.go:1:1: expected package\nFAIL\ta [build failed]\n0 passed, 0 failed, 0 skipped\n", false},
		{"a run that was cut off", `
{"Action":"output","Package":"a","Test":"TestOne","Output":"=== RUN\n"}
`, "a TestOne did not end\n0 passed, 0 failed, 0 skipped\n", false},
		{"a test that gives no reason", `
{"Action":"skip","Package":"a","Test":"TestOne"}
`, "skipped TestOne: no reason given\n0 passed, 0 failed, 1 skipped\n", true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var out strings.Builder
			ok, err := summarize(strings.NewReader(strings.TrimPrefix(c.in, "\n")), &out)
			if err != nil || ok != c.ok {
				t.Errorf("ok %v, error %v; want ok %v", ok, err, c.ok)
			}
			if diff := cmp.Diff(c.want, out.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
