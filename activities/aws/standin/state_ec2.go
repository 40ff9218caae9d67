package standin

import "time"

// VPC is a network.
type VPC struct {
	CIDR    string            `json:"cidr"`
	Default bool              `json:"default,omitempty"`
	Tags    map[string]string `json:"tags,omitempty"`
}

// Instance is a virtual machine. Its network interfaces are those of the region that are attached
// to it.
type Instance struct {
	State            string    `json:"state"` // pending, running, stopping, stopped, shutting-down, terminated
	Type             string    `json:"type"`
	Image            string    `json:"image"`
	VPC              string    `json:"vpc"`
	Subnet           string    `json:"subnet"`
	AvailabilityZone string    `json:"availability_zone"`
	Launched         time.Time `json:"launched"`
	InstanceProfile  string    `json:"instance_profile,omitempty"` // ARN
	RootDevice       string    `json:"root_device,omitempty"`      // which of Devices is the boot volume
	NoTermination    bool      `json:"no_termination,omitempty"`   // disableApiTermination
	Devices          []Device  `json:"devices,omitempty"`
	// Tokens is what the metadata service asks of callers: required or optional, which "" is too.
	// NoMetadata says that it is switched off.
	Tokens     string            `json:"tokens,omitempty"`
	NoMetadata bool              `json:"no_metadata,omitempty"`
	Tags       map[string]string `json:"tags,omitempty"`
}

// Device maps a device name of an instance to a volume.
type Device struct {
	Name                string    `json:"name"`
	Volume              string    `json:"volume"`
	Attached            time.Time `json:"attached"`
	DeleteOnTermination bool      `json:"delete_on_termination,omitempty"`
}

// NetworkInterface is a network interface, attached to an instance or lying about.
type NetworkInterface struct {
	VPC              string            `json:"vpc"`
	Subnet           string            `json:"subnet"`
	AvailabilityZone string            `json:"availability_zone"`
	PrivateIP        string            `json:"private_ip"`
	MAC              string            `json:"mac,omitempty"`
	Description      string            `json:"description,omitempty"`
	Groups           []string          `json:"groups"`
	Attachment       *Attachment       `json:"attachment,omitempty"`
	Tags             map[string]string `json:"tags,omitempty"`
}

// Attachment ties an interface to an instance.
type Attachment struct {
	ID          string    `json:"id"`
	Instance    string    `json:"instance"`
	DeviceIndex int       `json:"device_index"`
	Attached    time.Time `json:"attached"`
}

// SecurityGroup is a security group. The one named "default" of a VPC cannot be deleted.
type SecurityGroup struct {
	Name        string            `json:"name"`
	Description string            `json:"description"`
	VPC         string            `json:"vpc"`
	Ingress     []Rule            `json:"ingress,omitempty"`
	Egress      []Rule            `json:"egress,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
}

// Rule allows one protocol and port range from or to one place: exactly one of CIDR, CIDRv6,
// PrefixList and Group is set.
type Rule struct {
	ID          string `json:"id"`
	Protocol    string `json:"protocol"`       // tcp, udp, icmp, icmpv6, a number, or -1 for all
	From        *int   `json:"from,omitempty"` // nil with protocol -1
	To          *int   `json:"to,omitempty"`
	CIDR        string `json:"cidr,omitempty"`
	CIDRv6      string `json:"cidr_v6,omitempty"`
	PrefixList  string `json:"prefix_list,omitempty"`
	Group       string `json:"group,omitempty"`
	GroupOwner  string `json:"group_owner,omitempty"`
	Description string `json:"description,omitempty"`
}

// Volume is an EBS volume.
type Volume struct {
	Size             int               `json:"size"` // GiB
	AvailabilityZone string            `json:"availability_zone"`
	Encrypted        bool              `json:"encrypted,omitempty"`
	Key              string            `json:"key,omitempty"` // ARN of the KMS key; empty is AWS's own for EBS
	Tags             map[string]string `json:"tags,omitempty"`
}

// FlowLog is a log of the traffic of a VPC, a subnet or an interface.
type FlowLog struct {
	Resource string    `json:"resource"`
	Traffic  string    `json:"traffic"`          // ALL, ACCEPT, REJECT
	Status   string    `json:"status,omitempty"` // "" is ACTIVE
	Failed   bool      `json:"failed,omitempty"` // to deliver
	Created  time.Time `json:"created"`
}

// Snapshot is an EBS snapshot.
type Snapshot struct {
	Volume      string            `json:"volume"`
	Size        int               `json:"size"`
	State       string            `json:"state"`    // pending, completed, error
	Progress    string            `json:"progress"` // "50%"
	Started     time.Time         `json:"started"`
	Completed   *time.Time        `json:"completed,omitempty"`
	Description string            `json:"description,omitempty"`
	Encrypted   bool              `json:"encrypted,omitempty"`
	Key         string            `json:"key,omitempty"`    // ARN of the KMS key; empty is AWS's own for EBS
	Shared      []string          `json:"shared,omitempty"` // who else may make volumes of it: "all" and accounts
	Fails       bool              `json:"fails,omitempty"`  // it will end in error, not completed
	Tags        map[string]string `json:"tags,omitempty"`
}
