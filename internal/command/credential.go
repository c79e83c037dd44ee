package command

import (
	"errors"
	"fmt"
	"math"
	"os/user"
	"strconv"
	"syscall"
)

// credentialOf turns names or numbers into ids; nil means the caller's own. A user without a group gets the groups that the machine
// gives that user, as login would.
func credentialOf(uid, gid string) (*syscall.Credential, error) {
	if uid == "" && gid == "" {
		return nil, nil
	}
	c := &syscall.Credential{Uid: uint32(syscall.Getuid()), Gid: uint32(syscall.Getgid()), NoSetGroups: syscall.Getuid() != 0}
	if uid != "" {
		if err := setUser(c, uid); err != nil {
			return nil, err
		}
	}
	if gid != "" {
		id, err := groupID(gid)
		if err != nil {
			return nil, err
		}
		c.Gid = id
	}
	return c, nil
}

func setUser(c *syscall.Credential, name string) error {
	u, err := user.Lookup(name)
	if err != nil {
		id, numeric := number(name)
		if !numeric {
			return fmt.Errorf("user %s not found", name)
		}
		c.Uid = id
		if u, err = user.LookupId(name); err != nil {
			return nil //nolint:nilerr // a number that has no name is a user all the same, with the caller's group
		}
	}
	c.Uid, _ = number(u.Uid)
	c.Gid, _ = number(u.Gid)
	groups, err := u.GroupIds()
	if err != nil {
		return fmt.Errorf("reading the groups of user %s: %w", name, err)
	}
	for _, g := range groups {
		if id, ok := number(g); ok {
			c.Groups = append(c.Groups, id)
		}
	}
	return nil
}

// joinGroups adds further groups to a credential; nil stays nil without any.
func joinGroups(c *syscall.Credential, names []string) (*syscall.Credential, error) {
	if c == nil && len(names) > 0 {
		c = &syscall.Credential{Uid: uint32(syscall.Getuid()), Gid: uint32(syscall.Getgid())}
	}
	for _, name := range names {
		id, err := groupID(name)
		if err != nil {
			return nil, err
		}
		c.Groups = append(c.Groups, id)
	}
	return c, nil
}

func groupID(name string) (uint32, error) {
	if g, err := user.LookupGroup(name); err == nil {
		if id, ok := number(g.Gid); ok {
			return id, nil
		}
	}
	if id, ok := number(name); ok {
		return id, nil
	}
	return 0, fmt.Errorf("group %s not found", name)
}

func number(text string) (uint32, bool) {
	n, err := strconv.ParseUint(text, 10, 32)
	return uint32(n), err == nil && n < math.MaxUint32
}

// Known reports whether a user and a group (either may be empty) exist here, for those who check a file before it runs.
func Known(uid, gid string) error {
	_, userErr := credentialOf(uid, "")
	_, groupErr := credentialOf("", gid)
	return errors.Join(userErr, groupErr)
}
