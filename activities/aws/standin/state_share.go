package standin

import (
	"slices"
	"time"
)

// everyone is how EC2 and RDS call the group of all accounts.
const everyone = "all"

// Image is a machine image that the account owns.
type Image struct {
	Name        string    `json:"name"`
	Description string    `json:"description,omitempty"`
	State       string    `json:"state"` // available, pending, failed, disabled
	Created     time.Time `json:"created"`
	RootDevice  string    `json:"root_device,omitempty"`
	// Snapshots are its disks, by device name.
	Snapshots map[string]string `json:"snapshots,omitempty"`
	// Shared is who beside the owner may start it: "all", accounts, ARNs of organizations and their units.
	Shared []string          `json:"shared,omitempty"`
	Tags   map[string]string `json:"tags,omitempty"`
}

// NetworkACL is a network ACL. That of a VPC which is its default cannot be deleted.
type NetworkACL struct {
	VPC     string `json:"vpc"`
	Default bool   `json:"default,omitempty"`
	// Subnets are those it filters, by the id of the association.
	Subnets map[string]string `json:"subnets,omitempty"`
	Entries []ACLEntry        `json:"entries,omitempty"`
	Tags    map[string]string `json:"tags,omitempty"`
}

// ACLEntry is a numbered rule: the lowest that fits decides. Exactly one of CIDR and CIDRv6 is set.
type ACLEntry struct {
	Number   int    `json:"number"`
	Egress   bool   `json:"egress,omitempty"`
	Action   string `json:"action"`   // allow or deny
	Protocol string `json:"protocol"` // a number, or -1 for all
	CIDR     string `json:"cidr,omitempty"`
	CIDRv6   string `json:"cidr_v6,omitempty"`
	From     *int   `json:"from,omitempty"` // ports, of protocols 6 and 17
	To       *int   `json:"to,omitempty"`
}

// DBSnapshot is a snapshot of an RDS database instance.
type DBSnapshot struct {
	Instance  string    `json:"instance"`
	Engine    string    `json:"engine"`
	Type      string    `json:"type"`   // manual or automated
	Status    string    `json:"status"` // available, creating, ...
	Size      int       `json:"size"`   // GiB
	Created   time.Time `json:"created"`
	Encrypted bool      `json:"encrypted,omitempty"`
	Key       string    `json:"key,omitempty"` // ARN of the KMS key
	// Shared is who beside the owner may restore it: "all" and accounts.
	Shared []string          `json:"shared,omitempty"`
	Tags   map[string]string `json:"tags,omitempty"`
}

// DBInstance is an RDS database instance.
type DBInstance struct {
	Class     string            `json:"class"`
	Engine    string            `json:"engine"`
	Status    string            `json:"status"`
	Size      int               `json:"size"` // GiB
	Created   time.Time         `json:"created"`
	Public    bool              `json:"public,omitempty"`
	Encrypted bool              `json:"encrypted,omitempty"`
	Key       string            `json:"key,omitempty"` // ARN of the KMS key
	VPC       string            `json:"vpc,omitempty"`
	Tags      map[string]string `json:"tags,omitempty"`
}

// share changes a list of those that something is shared with; the list is kept sorted, as AWS keeps
// no order.
func share(with *[]string, add, remove []string) (changed bool) {
	next := slices.DeleteFunc(slices.Clone(*with), func(id string) bool { return slices.Contains(remove, id) })
	next = append(next, add...)
	slices.Sort(next)
	next = slices.Compact(next)
	changed = !slices.Equal(next, slices.Sorted(slices.Values(*with)))
	if len(next) == 0 {
		next = nil
	}
	*with = next
	return changed
}
