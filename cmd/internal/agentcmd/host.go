package agentcmd

import (
	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/agent"
)

func hostSampler() agent.HostSampler { return nil }

func hostFamilies() []dialtone.Metric { return nil }
