package dashboards

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/dialtone/dialtone/dashboards/plot"
)

// graph is a graph that exists for every host without anybody building it.
type graph struct {
	ID    string // in addresses
	Group string // heading on the page of a host
	Name  string
	Says  string // sentence about the first line: the value now, the greatest, when that was
	Help  string
	Unit  plot.Unit
	Lines []graphLine
	Past  bool // the first line is compared with the week before
}

// graphLine is a query. $sel stands for the selection of host and service, $rate for the length of rates; every query keeps the label
// instance, so that the same graph can compare hosts.
type graphLine struct {
	Name  string // of the line; empty: the value of the label By
	By    string
	Query string
	Style plot.Style
}

// mostLines is how many lines with a label one graph draws; more cannot be told apart.
const mostLines = 6

const onDisk = `fstype!~"tmpfs|ramfs|squashfs|iso9660"`

// fullness is used space as a share, as df and the filesystem checks count it.
func fullness(matchers string) string {
	used := "(node_filesystem_size_bytes{" + matchers + "} - node_filesystem_free_bytes{" + matchers + "})"
	return "(" + used + " / (" + used + " + node_filesystem_avail_bytes{" + matchers + "}))"
}

// catalog is in the order of a page of Munin: processor, memory, disks, network, then what runs on them.
var catalog = []graph{
	{
		ID: "cpu", Group: "Processor", Name: "Processor time", Unit: plot.Percent, Past: true,
		Says: "The processors are %s busy; the most was %s at %s.",
		Help: "Share of all processors' time that was not idle; i/o wait and steal are parts of it.",
		Lines: []graphLine{
			{Name: "busy", Query: `100 * (1 - avg by (instance) (rate(node_cpu_seconds_total{$sel,mode="idle"}[$rate])))`},
			{Name: "i/o wait", Query: `100 * avg by (instance) (rate(node_cpu_seconds_total{$sel,mode="iowait"}[$rate]))`},
			{Name: "steal", Query: `100 * avg by (instance) (rate(node_cpu_seconds_total{$sel,mode="steal"}[$rate]))`},
		},
	},
	{
		ID: "load", Group: "Processor", Name: "Load", Past: true,
		Says: "%s tasks run or wait on average; the most was %s at %s.",
		Help: "Tasks that run or wait for a processor or a disk. Above the number of processors, tasks wait.",
		Lines: []graphLine{
			{Name: "1 min", Query: `sum by (instance) (node_load1{$sel})`},
			{Name: "15 min", Query: `sum by (instance) (node_load15{$sel})`},
			{Name: "processors", Style: plot.Capacity, Query: `count by (instance) (node_cpu_seconds_total{$sel,mode="idle"})`},
		},
	},
	{
		ID: "pressure", Group: "Processor", Name: "Pressure", Unit: plot.Percent,
		Says: "Some task waits for a processor %s of the time; the most was %s at %s.",
		Help: "Share of time in which at least one task waited (Linux pressure stall information).",
		Lines: []graphLine{
			{Name: "processor", Query: `100 * sum by (instance) (rate(node_pressure_cpu_waiting_seconds_total{$sel}[$rate]))`},
			{Name: "memory", Query: `100 * sum by (instance) (rate(node_pressure_memory_waiting_seconds_total{$sel}[$rate]))`},
			{Name: "disk", Query: `100 * sum by (instance) (rate(node_pressure_io_waiting_seconds_total{$sel}[$rate]))`},
		},
	},
	{
		ID: "memory", Group: "Memory", Name: "Memory", Unit: plot.Bytes, Past: true,
		Says: "%s of memory is in use; the most was %s at %s.",
		Help: "Memory that programs could not get without making others give some up.",
		Lines: []graphLine{
			{Name: "used", Query: `sum by (instance) (node_memory_MemTotal_bytes{$sel} - node_memory_MemAvailable_bytes{$sel})`},
			{Name: "swap", Query: `sum by (instance) (node_memory_SwapTotal_bytes{$sel} - node_memory_SwapFree_bytes{$sel})`},
			{Name: "installed", Style: plot.Capacity, Query: `sum by (instance) (node_memory_MemTotal_bytes{$sel})`},
		},
	},
	{
		ID: "disk-space", Group: "Disks", Name: "Disk space", Unit: plot.Percent,
		Says:  "The fullest disk is %s full; the most was %s at %s.",
		Help:  "Used space as df counts it: what is reserved for root is neither used nor free.",
		Lines: []graphLine{{By: "mountpoint", Query: `100 * max by (instance, mountpoint) ` + fullness("$sel,"+onDisk)}},
	},
	{
		ID: "disk-io", Group: "Disks", Name: "Disk traffic", Unit: plot.BytesPerSecond, Past: true,
		Says: "Disks read %s; the most was %s at %s.",
		Lines: []graphLine{
			{Name: "read", Query: `sum by (instance) (rate(node_disk_read_bytes_total{$sel}[$rate]))`},
			{Name: "written", Query: `sum by (instance) (rate(node_disk_written_bytes_total{$sel}[$rate]))`},
		},
	},
	{
		ID: "disk-busy", Group: "Disks", Name: "Disk time", Unit: plot.Percent,
		Says:  "The busiest disk works %s of the time; the most was %s at %s.",
		Lines: []graphLine{{By: "device", Query: `100 * max by (instance, device) (rate(node_disk_io_time_seconds_total{$sel}[$rate]))`}},
	},
	{
		ID: "network", Group: "Network", Name: "Network traffic", Unit: plot.BytesPerSecond, Past: true,
		Says: "The network brings %s; the most was %s at %s.",
		Lines: []graphLine{
			{Name: "received", Query: `sum by (instance) (rate(node_network_receive_bytes_total{$sel,device!="lo"}[$rate]))`},
			{Name: "sent", Query: `sum by (instance) (rate(node_network_transmit_bytes_total{$sel,device!="lo"}[$rate]))`},
		},
	},
	{
		ID: "network-errors", Group: "Network", Name: "Lost packets", Unit: plot.PerSecond,
		Says: "Packets arrive damaged at %s; the most was %s at %s.",
		Lines: []graphLine{
			{Name: "damaged", Query: `sum by (instance) (rate(node_network_receive_errs_total{$sel,device!="lo"}[$rate]))`},
			{Name: "dropped", Query: `sum by (instance) (rate(node_network_receive_drop_total{$sel,device!="lo"}[$rate]))`},
		},
	},
	{
		ID: "service-cpu", Group: "Services", Name: "Processor time by service", Unit: plot.Percent,
		Says:  "The busiest service uses %s of one processor; the most was %s at %s.",
		Lines: []graphLine{{By: "service", Query: `sum by (instance, service) (dialtone_process_cpu_percent{$sel})`}},
	},
	{
		ID: "service-memory", Group: "Services", Name: "Memory by service", Unit: plot.Bytes,
		Says:  "The largest service holds %s; the most was %s at %s.",
		Lines: []graphLine{{By: "service", Query: `sum by (instance, service) (dialtone_process_memory_bytes{$sel})`}},
	},
	{
		ID: "service-check", Group: "Services", Name: "Time to answer a check", Unit: plot.Seconds,
		Says:  "The slowest check takes %s; the most was %s at %s.",
		Lines: []graphLine{{By: "service", Query: `max by (instance, service) (dialtone_check_duration_seconds{$sel})`}},
	},
	{
		ID: "service-state", Group: "Services", Name: "State", Unit: plot.State,
		Says:  "The worst service is %s; the worst was %s at %s.",
		Lines: []graphLine{{By: "service", Query: `max by (instance, service) (dialtone_service_state{$sel})`}},
	},
}

func graphByID(id string) (graph, bool) {
	for _, g := range catalog {
		if g.ID == id {
			return g, true
		}
	}
	return graph{}, false
}

// selection is whose graph it is. Without Host and Hosts it is of all hosts, one line each.
type selection struct {
	Host, Service string
	Hosts         []string // these alone; only without Host
}

// matchers writes the selection as PromQL label matchers. Names come from nodes: they are quoted, never pasted.
func (s selection) matchers() string {
	text := `instance!=""`
	switch {
	case s.Host != "":
		text = "instance=" + strconv.Quote(s.Host)
	case len(s.Hosts) > 0:
		text = "instance=~" + strconv.Quote(anyOf(s.Hosts))
	}
	if s.Service != "" {
		text += ",service=" + strconv.Quote(s.Service)
	}
	return text
}

// anyOf is a regular expression that matches these names and no others.
func anyOf(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = regexp.QuoteMeta(name)
	}
	return strings.Join(quoted, "|")
}

func (l graphLine) promql(s selection, rate time.Duration) string {
	return strings.NewReplacer("$sel", s.matchers(), "$rate", strconv.Itoa(int(rate/time.Second))+"s").Replace(l.Query)
}

// seriesGraph is the graph of one stored series over all hosts: the rate of a counter, the value of a gauge. The metric's name has been
// checked against the store.
func seriesGraph(name, how string) graph {
	expr := name + "{$sel}"
	unit := unitOfSeries(name)
	if counter(name) {
		expr = "rate(" + expr + "[$rate])"
		unit = rateUnit(unit)
	}
	return graph{
		ID: name, Group: "Series", Name: name, Unit: unit,
		Says:  "The greatest is %s now; the most was %s at %s.",
		Help:  how + " over the labels of each host",
		Lines: []graphLine{{By: "instance", Query: how + " by (instance) (" + expr + ")"}},
	}
}

func counter(name string) bool {
	for _, ending := range []string{"_total", "_count", "_sum", "_bucket"} {
		if strings.HasSuffix(name, ending) {
			return true
		}
	}
	return false
}

func unitOfSeries(name string) plot.Unit {
	name = strings.TrimSuffix(name, "_total")
	switch {
	case name == "dialtone_service_state":
		return plot.State
	case strings.HasSuffix(name, "_bytes"):
		return plot.Bytes
	case strings.HasSuffix(name, "_seconds"):
		return plot.Seconds
	case strings.HasSuffix(name, "_percent"):
		return plot.Percent
	}
	return plot.Number
}

func rateUnit(u plot.Unit) plot.Unit {
	switch u {
	case plot.Bytes:
		return plot.BytesPerSecond
	case plot.Seconds, plot.Percent, plot.BytesPerSecond, plot.PerSecond, plot.State:
		return plot.Number
	case plot.Number, plot.Unscaled:
	}
	return plot.PerSecond
}
