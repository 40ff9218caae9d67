package standin

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Organization is the organization that the accounts belong to. Its reads are answered in the
// management account and in those of delegated administrators alone.
type Organization struct {
	ID         string `json:"id"`         // o-...
	Management string `json:"management"` // the account that owns it
	Root       string `json:"root"`       // r-..., above every unit and account
	// Units are the organizational units by id.
	Units map[string]*Unit `json:"units,omitempty"`
	// Members are the accounts by their twelve digits, the management account among them. A member need
	// not be in [State].Accounts: nothing can be done in it then.
	Members map[string]*Member `json:"members,omitempty"`
	// Policies are the service control policies by id.
	Policies map[string]*ServicePolicy `json:"policies,omitempty"`
	// Delegated are the accounts that may read the organization beside the management account.
	Delegated []string `json:"delegated,omitempty"`
}

// Unit is an organizational unit.
type Unit struct {
	Name   string            `json:"name"`
	Parent string            `json:"parent"` // a unit or the root
	Tags   map[string]string `json:"tags,omitempty"`
}

// Member is an account of an organization.
type Member struct {
	Name   string            `json:"name"`
	Email  string            `json:"email"`
	State  string            `json:"state,omitempty"` // ACTIVE, SUSPENDED, PENDING_ACTIVATION, PENDING_CLOSURE, CLOSED; "" is ACTIVE
	Parent string            `json:"parent"`          // a unit or the root
	Joined time.Time         `json:"joined,omitzero"`
	Tags   map[string]string `json:"tags,omitempty"`
}

// check refuses what the operations could not walk.
func (o *Organization) check() error {
	if o == nil {
		return nil
	}
	all := []error{noNulls("organizational unit", o.Units), noNulls("member", o.Members), noNulls("policy", o.Policies)}
	for _, id := range sorted(o.Units) {
		if u := o.Units[id]; u != nil && u.Parent != o.Root && o.Units[u.Parent] == nil {
			all = append(all, fmt.Errorf("organizational unit %s: no parent %q", id, u.Parent))
		}
	}
	for _, id := range sorted(o.Members) {
		if m := o.Members[id]; m != nil && m.Parent != o.Root && o.Units[m.Parent] == nil {
			all = append(all, fmt.Errorf("member %s: no parent %q", id, m.Parent))
		}
	}
	return errors.Join(all...)
}

// has reports whether an account belongs to the organization.
func (o *Organization) has(account string) bool {
	return o != nil && (o.Members[account] != nil || account == o.Management)
}

// reads reports whether an account may look at the organization.
func (o *Organization) reads(account string) bool {
	return o != nil && (account == o.Management || slices.Contains(o.Delegated, account))
}
