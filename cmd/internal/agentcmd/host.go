package agentcmd

import (
	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/agent"
	"github.com/dialtone/dialtone/checks/host"
)

func hostSampler() agent.HostSampler { return host.NewSampler(host.Config{}) }

func hostFamilies() []dialtone.Metric { return host.Families() }
