package standin

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// State is everything the stand-in knows of the world, as it is kept in the file. Names and ids are
// the keys of the maps; an entry never repeats its own.
type State struct {
	// Callers maps an access key id to who calls with it. Active access keys of IAM users in
	// Accounts are callers too, and stop being callers when they are disabled.
	Callers map[string]Caller `json:"callers,omitempty"`
	// Accounts by their twelve digits.
	Accounts map[string]*Account `json:"accounts"`
	// Organization is what the accounts belong to; nil: each is alone.
	Organization *Organization `json:"organization,omitempty"`
}

// Caller is who signs a request.
type Caller struct {
	Account string `json:"account"`
	ARN     string `json:"arn"`
	UserID  string `json:"user_id"`
	// Policy is a policy document that says what the caller may do; "": everything.
	Policy string `json:"policy,omitempty"`
}

// Account is one AWS account.
type Account struct {
	Alias string `json:"alias,omitempty"`
	IAM   IAM    `json:"iam"`
	// Contacts are the alternate contacts by their type: BILLING, OPERATIONS, SECURITY.
	Contacts map[string]*Contact `json:"contacts,omitempty"`
	// PublicAccessBlock is that of S3 for all buckets of the account; nil where there is none.
	PublicAccessBlock *PublicAccessBlock `json:"public_access_block,omitempty"`
	Regions           map[string]*Region `json:"regions,omitempty"`
	// OptIn is what EC2 tells of regions: opt-in-not-required, opted-in or not-opted-in, by name. Empty:
	// those of a new account.
	OptIn map[string]string `json:"opt_in,omitempty"`
}

// Region is what an account holds in one region.
type Region struct {
	VPCs              map[string]*VPC              `json:"vpcs,omitempty"`
	Instances         map[string]*Instance         `json:"instances,omitempty"`
	NetworkInterfaces map[string]*NetworkInterface `json:"network_interfaces,omitempty"`
	SecurityGroups    map[string]*SecurityGroup    `json:"security_groups,omitempty"`
	Volumes           map[string]*Volume           `json:"volumes,omitempty"`
	Snapshots         map[string]*Snapshot         `json:"snapshots,omitempty"`
	Images            map[string]*Image            `json:"images,omitempty"`
	NetworkACLs       map[string]*NetworkACL       `json:"network_acls,omitempty"`
	// ScalingGroups are those of Auto Scaling by name, TargetGroups those of load balancers by ARN.
	ScalingGroups map[string]*ScalingGroup `json:"scaling_groups,omitempty"`
	TargetGroups  map[string]*TargetGroup  `json:"target_groups,omitempty"`
	// DBInstances and DBSnapshots are those of RDS, by name.
	DBInstances map[string]*DBInstance `json:"db_instances,omitempty"`
	DBSnapshots map[string]*DBSnapshot `json:"db_snapshots,omitempty"`
	Detectors   map[string]*Detector   `json:"detectors,omitempty"`
	Buckets     map[string]*Bucket     `json:"buckets,omitempty"`
	// Trails are those whose home the region is, by name.
	Trails map[string]*Trail `json:"trails,omitempty"`
	// EBSEncryption says that new volumes are encrypted whatever a request says.
	EBSEncryption bool                `json:"ebs_encryption,omitempty"`
	FlowLogs      map[string]*FlowLog `json:"flow_logs,omitempty"`
	// Recorders are those of AWS Config, and Analyzers those of IAM Access Analyzer, by name.
	Recorders map[string]*Recorder `json:"recorders,omitempty"`
	Analyzers map[string]*Analyzer `json:"analyzers,omitempty"`
	// Secrets are those of Secrets Manager, by name.
	Secrets map[string]*StoredSecret `json:"secrets,omitempty"`
	// Keys are those of KMS, by id.
	Keys map[string]*Key `json:"keys,omitempty"`
	// Hosts are the instances that Systems Manager manages, Documents its documents by name, and Commands what
	// was sent, by id.
	Hosts     map[string]*ManagedHost `json:"hosts,omitempty"`
	Documents map[string]*Document    `json:"documents,omitempty"`
	Commands  map[string]*SentCommand `json:"commands,omitempty"`
	// Functions are those of Lambda, by name.
	Functions map[string]*Function `json:"functions,omitempty"`
	// Hub is Security Hub; nil: it is not enabled.
	Hub *Hub `json:"hub,omitempty"`
	// Events are CloudTrail events from before the stand-in started; its own mutations join them.
	Events []Event `json:"events,omitempty"`
}

// clone copies the state all the way down.
func (st *State) clone() (*State, error) { return cloned(st) }

// fork is a copy of which one account may be changed, and the organization if the service is that of
// organizations. The rest is shared with the original: a mutation in one account of hundreds costs what
// that account costs. An operation that changes another account, too, opens it.
func (st *State) fork(account, service string) (*State, error) {
	out := *st
	out.Accounts = maps.Clone(st.Accounts)
	if err := out.open(account); err != nil {
		return nil, err
	}
	if service == "organizations" && st.Organization != nil {
		organization, err := cloned(st.Organization)
		if err != nil {
			return nil, err
		}
		out.Organization = organization
	}
	return &out, nil
}

// open makes one account of a fork its own, to be changed.
func (st *State) open(account string) error {
	if st.Accounts[account] == nil {
		return nil
	}
	own, err := cloned(st.Accounts[account])
	if err != nil {
		return err
	}
	st.Accounts[account] = own
	return nil
}

// cloned copies all the way down. JSON does it, so that what is copied and what is kept in the file
// cannot differ.
func cloned[T any](v *T) (*T, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("copy state: %w", err)
	}
	out := new(T)
	if err := json.Unmarshal(raw, out); err != nil {
		return nil, fmt.Errorf("copy state: %w", err)
	}
	return out, nil
}

// caller finds who signs with an access key: a listed caller, or the user of an active key.
func (st *State) caller(keyID string) (Caller, bool) {
	if who, ok := st.Callers[keyID]; ok {
		return who, true
	}
	for id, account := range st.Accounts {
		for name, user := range account.IAM.Users {
			if key := user.AccessKeys[keyID]; key != nil && key.Status == active {
				return Caller{Account: id, ARN: user.arn(id, name), UserID: user.ID}, true
			}
		}
	}
	return Caller{}, false
}

// check refuses a state that the operations could not work on: entries that are null, callers of no
// account. All problems at once.
func (st *State) check() error {
	var all []error
	for _, id := range slices.Sorted(maps.Keys(st.Callers)) {
		if st.Accounts[st.Callers[id].Account] == nil {
			all = append(all, fmt.Errorf("caller %s: no account %q", id, st.Callers[id].Account))
		}
	}
	all = append(all, noNulls("account", st.Accounts))
	for id, account := range st.Accounts {
		if account == nil {
			continue
		}
		all = append(all, noNulls("user in "+id, account.IAM.Users), noNulls("role in "+id, account.IAM.Roles),
			noNulls("group in "+id, account.IAM.Groups), noNulls("policy in "+id, account.IAM.Managed), noNulls("virtual MFA device in "+id, account.IAM.VirtualMFA),
			noNulls("region in "+id, account.Regions), noNulls("contact in "+id, account.Contacts))
		for name, user := range account.IAM.Users {
			if user != nil {
				all = append(all, noNulls("access key of "+name, user.AccessKeys))
			}
		}
		for name, region := range account.Regions {
			if region == nil {
				continue
			}
			in := " in " + id + "/" + name
			all = append(all, noNulls("function"+in, region.Functions), noNulls("host"+in, region.Hosts),
				noNulls("document"+in, region.Documents), noNulls("command"+in, region.Commands))
			all = append(all, noNulls("vpc"+in, region.VPCs), noNulls("instance"+in, region.Instances),
				noNulls("network interface"+in, region.NetworkInterfaces), noNulls("security group"+in, region.SecurityGroups),
				noNulls("volume"+in, region.Volumes), noNulls("snapshot"+in, region.Snapshots), noNulls("detector"+in, region.Detectors),
				noNulls("flow log"+in, region.FlowLogs), noNulls("recorder"+in, region.Recorders), noNulls("analyzer"+in, region.Analyzers),
				noNulls("bucket"+in, region.Buckets), noNulls("trail"+in, region.Trails), noNulls("secret"+in, region.Secrets),
				noNulls("key"+in, region.Keys))
			all = append(all, noNulls("scaling group"+in, region.ScalingGroups), noNulls("target group"+in, region.TargetGroups))
			for group, g := range region.ScalingGroups {
				if g != nil {
					all = append(all, noNulls("member of "+group+in, g.Instances))
				}
			}
			all = append(all, noNulls("image"+in, region.Images), noNulls("network acl"+in, region.NetworkACLs),
				noNulls("database"+in, region.DBInstances), noNulls("database snapshot"+in, region.DBSnapshots))
			for detector, d := range region.Detectors {
				if d != nil {
					all = append(all, noNulls("finding of "+detector, d.Findings))
				}
			}
		}
	}
	all = append(all, st.Organization.check())
	return errors.Join(all...)
}

func noNulls[V any](what string, m map[string]*V) error {
	var all []error
	for _, key := range sorted(m) {
		if m[key] == nil {
			all = append(all, fmt.Errorf("%s %q is null", what, key))
		}
	}
	return errors.Join(all...)
}

// sorted lists the keys of a map in order: answers come out the same every time.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
