package host

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/internal/proc"
)

func init() {
	register(source{
		name:     "memory",
		families: memoryFamilies(),
		start: func(cfg Config) collector {
			return &memory{file: proc.NewFile(filepath.Join(cfg.Proc, "meminfo")), names: newMemo(memoryName)}
		},
	})
}

// memoryFields are the fields of /proc/meminfo of Linux 4.9 to 6.18; one that a newer kernel adds is sampled without being declared.
const memoryFields = "Active_anon_bytes Active_bytes Active_file_bytes AnonHugePages_bytes AnonPages_bytes Balloon_bytes Bounce_bytes Buffers_bytes Cached_bytes CmaFree_bytes " +
	"CmaTotal_bytes CommitLimit_bytes Committed_AS_bytes DirectMap1G_bytes DirectMap2M_bytes DirectMap4M_bytes DirectMap4k_bytes Dirty_bytes FileHugePages_bytes FilePmdMapped_bytes " +
	"GPUActive_bytes GPUReclaim_bytes HardwareCorrupted_bytes " +
	"HugePages_Free HugePages_Rsvd HugePages_Surp HugePages_Total Hugepagesize_bytes Hugetlb_bytes Inactive_anon_bytes Inactive_bytes Inactive_file_bytes KReclaimable_bytes " +
	"KernelStack_bytes Mapped_bytes MemAvailable_bytes MemFree_bytes MemTotal_bytes Mlocked_bytes NFS_Unstable_bytes PageTables_bytes Percpu_bytes SReclaimable_bytes SUnreclaim_bytes " +
	"SecPageTables_bytes ShadowCallStack_bytes ShmemHugePages_bytes ShmemPmdMapped_bytes Shmem_bytes Slab_bytes SwapCached_bytes SwapFree_bytes SwapTotal_bytes Unaccepted_bytes Unevictable_bytes " +
	"VmallocChunk_bytes VmallocTotal_bytes VmallocUsed_bytes WritebackTmp_bytes Writeback_bytes Zswap_bytes Zswapped_bytes"

func memoryFamilies() []dialtone.Metric {
	var all []dialtone.Metric
	for field := range strings.FieldsSeq(memoryFields) {
		unit := ""
		if strings.HasSuffix(field, "_bytes") {
			unit = "bytes"
		}
		all = append(all, gauge("node_memory_"+field, unit, "Field "+strings.TrimSuffix(field, "_bytes")+" of /proc/meminfo."))
	}
	return all
}

// memory reads every field of /proc/meminfo (proc_meminfo(5)); gopsutil has about half of them.
type memory struct {
	file  *proc.File
	names *memo[string]
}

// memoryName turns a field and its unit as they stand in the file, "Active(anon): kB", into the name of its family; empty
// where it would be none.
func memoryName(key string) string {
	field, unit, _ := strings.Cut(key, ":")
	name := "node_memory_" + strings.NewReplacer("(", "_", ")", "").Replace(field)
	if strings.TrimSpace(unit) == "kB" {
		name += "_bytes"
	}
	return seriesName(name)
}

func (m *memory) collect(_ context.Context, b *batch) error {
	text, err := m.file.Read()
	if err != nil {
		return err
	}
	m.parse(text, b)
	return nil
}

func (m *memory) parse(text []byte, b *batch) {
	var key [64]byte
	for line := range bytes.Lines(text) {
		field, rest := cutField(line)
		amount, unit := cutField(rest)
		value, ok := number(amount)
		if !ok || len(field) < 2 || field[len(field)-1] != ':' {
			continue
		}
		unit = bytes.TrimSpace(unit)
		if string(unit) == "kB" {
			value *= 1024
		}
		if name := m.names.of(append(append(key[:0], field...), unit...)); name != "" {
			b.add(name, nil, value)
		}
	}
}
