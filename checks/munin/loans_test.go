package munin

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestLoans: a graph of the fields of others, by every way to name one. The first look asks for them, so the second has them.
func TestLoans(t *testing.T) {
	var loans Loans
	lender := Recorder{Loans: &loans}
	several := Recorder{Loans: &loans}
	borrower := Recorder{Loans: &loans, Host: "node.example"}
	traffic := ParseConfig("graph_title Traffic\nup.label out\nup.type DERIVE\nup.cdef up,8,*\nup.draw AREA\ndown.label in\ndown.type DERIVE\n")
	disks := ParseConfig("multigraph latency\ngraph_title Latency\nsda.label sda\nmultigraph latency.sda\ngraph_title sda\nread.label read\n")
	all := ParseConfig(`graph_title All
graph_order own out=if_eth0.up bytes=if_eth0.up disk=latency.sda part=node.example:latency.sda.read far=else.where:if_eth0.up grouped=ours;node.example:if_eth0.down copy=own never=no.such
own.label own
bytes.label bytes per second
bytes.cdef bytes,1,*
total.label total
total.sum own if_eth0.up x=if_eth0.down
pile.label pile
pile.stack a=latency.sda b=latency.sda.read`)
	var got []Value
	for i := range 2 {
		at := noon.Add(time.Duration(i) * time.Minute)
		got = borrower.Take(all, ParseValues("own.value 7\n"), at)
		if i == 0 && len(got) != 3 {
			t.Errorf("at first it has %d values: own, its copy and a sum are known", len(got))
		}
		for j := range 2 {
			when := at.Add(time.Duration(j-1)*10*time.Second + 10*time.Second)
			count := float64(600 * (2*i + j))
			values := lender.Take(traffic, []Reading{{Field: "up", Value: count}, {Field: "down", Value: 2 * count}}, when)
			loans.Give("if_eth0", values)
		}
		loans.Give("diskstats", several.Take(disks, ParseValues("multigraph latency\nsda.value 3\nmultigraph latency.sda\nread.value 4\n"), at))
	}
	got = borrower.Take(all, ParseValues("own.value 7\n"), noon.Add(2*time.Minute))
	shown := map[string]float64{}
	for _, v := range got {
		shown[v.Field.Name] = v.Value
	}
	want := map[string]float64{"own": 7, "copy": 7, "out": 480, "bytes": 60, "disk": 3, "part": 4, "grouped": 120, "total": 187, "a": 3, "b": 4}
	if diff := cmp.Diff(want, shown); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	g := all.Graphs[0]
	if out := g.Field("out"); out.Label != "out" || out.Draw != "AREA" || out.Type != Derive {
		t.Errorf("what it does not say of itself: %+v", out)
	}
	if a := g.Field("a"); a.Draw != "AREASTACK" || a.Label != "sda" || !g.Field("pile").Hidden {
		t.Errorf("what is piled: %+v", a)
	}
	if late := borrower.Take(all, nil, noon.Add(time.Hour)); len(late) != 0 {
		t.Errorf("of plugins that stopped: %+v", late)
	}
}

func TestPathOf(t *testing.T) {
	for word, want := range map[string][3]string{
		"field": {"", "", "field"}, "if_eth0.up": {"", "", "if_eth0.up"}, "a=b": {"a", "", "b"}, "a=if_eth0.up": {"a", "", "if_eth0.up"},
		"a=host.name:if_eth0.up": {"a", "host.name", "if_eth0.up"}, "g;sub;host:x.y": {"", "host", "x.y"}, "a=": {"a", "", ""},
	} {
		name, host, path := pathOf(word)
		if got := [3]string{name, host, path}; got != want {
			t.Errorf("%s is %q, want %q", word, got, want)
		}
	}
}

// TestLoansAreShared by the goroutines of services that borrow from one another.
func TestLoansAreShared(t *testing.T) {
	var loans Loans
	var group sync.WaitGroup
	for name, other := range map[string]string{"a": "b", "b": "a"} {
		c := ParseConfig("graph_title t\ngraph_order mine theirs=" + other + ".mine\nmine.label m\n")
		group.Go(func() {
			r := Recorder{Loans: &loans}
			for i := range 100 {
				loans.Give(name, r.Take(c, []Reading{{Field: "mine", Value: 1}}, noon.Add(time.Duration(i)*time.Second)))
			}
		})
	}
	group.Wait()
	if v, has := loans.take("a.mine", noon.Add(100*time.Second)); !has || v.Raw != 1 {
		t.Errorf("a.mine is %v, %t", v.Raw, has)
	}
}

func TestLoansAreBounded(t *testing.T) {
	var loans Loans
	for i := range mostLoans + 10 {
		loans.take(string(rune('a'+i%26))+time.Duration(i).String(), noon)
	}
	if len(loans.of) != mostLoans {
		t.Errorf("%d are kept", len(loans.of))
	}
}
