package checks

import (
	"os/user"
	"strconv"

	"github.com/dialtone/dialtone/control"
)

// ownerText gives a user or group number in the form that the service's rules write it: as a number, or as a name where a rule
// expects one and the number has one. The rule engine compares texts, so both sides must use one form.
func ownerText(s *control.Service, value, id string) string {
	for _, rule := range s.Rules {
		expect, is := rule.Test.(*control.Expect)
		if !is || expect.Value != value {
			continue
		}
		if _, err := strconv.ParseUint(expect.Want, 10, 32); err != nil {
			return ownerName(value, id)
		}
	}
	return id
}

func ownerName(value, id string) string {
	if value == "gid" {
		if group, err := user.LookupGroupId(id); err == nil {
			return group.Name
		}
		return id
	}
	if owner, err := user.LookupId(id); err == nil {
		return owner.Username
	}
	return id
}
