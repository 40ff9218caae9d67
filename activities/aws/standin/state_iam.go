package standin

import "time"

// The states of an access key.
const (
	active   = "Active"
	inactive = "Inactive"
)

// IAM is the part of an account that has no region.
type IAM struct {
	Root  Root             `json:"root,omitzero"`
	Users map[string]*User `json:"users,omitempty"`
	Roles map[string]*Role `json:"roles,omitempty"`
	// Policies are the ARNs of the account's own managed policies: what may be attached beside the
	// ones that AWS manages.
	Policies []string `json:"policies,omitempty"`
	// Managed are the account's own managed policies with what is in them, by name.
	Managed map[string]*ManagedPolicy `json:"managed,omitempty"`
	Groups  map[string]*Group         `json:"groups,omitempty"`
	// VirtualMFA are the virtual devices by serial number, an ARN.
	VirtualMFA map[string]*VirtualMFA `json:"virtual_mfa,omitempty"`
	// Passwords is the account's password policy; nil: it has none of its own.
	Passwords *PasswordPolicy `json:"passwords,omitempty"`
}

// Root is what an account's summary and its credential report tell of its root user. MFA without a
// virtual device of "root" is a hardware one.
type Root struct {
	MFA              bool       `json:"mfa,omitempty"`
	AccessKeys       int        `json:"access_keys,omitempty"`
	Certificates     int        `json:"certificates,omitempty"`
	Created          time.Time  `json:"created,omitzero"`
	PasswordLastUsed *time.Time `json:"password_last_used,omitempty"`
	KeyLastUsed      *LastUsed  `json:"key_last_used,omitempty"`
}

// ManagedPolicy is a managed policy of the account, in its one version.
type ManagedPolicy struct {
	ID       string    `json:"id"`
	Path     string    `json:"path,omitempty"` // "" is "/"
	Created  time.Time `json:"created"`
	Document string    `json:"document"`
}

func (p *ManagedPolicy) arn(account, name string) string {
	return "arn:aws:iam::" + account + ":policy" + orRoot(p.Path) + name
}

// Group is a group of users.
type Group struct {
	ID       string            `json:"id"`
	Path     string            `json:"path,omitempty"` // "" is "/"
	Created  time.Time         `json:"created"`
	Attached []string          `json:"attached,omitempty"`
	Inline   map[string]string `json:"inline,omitempty"`
}

func (g *Group) arn(account, name string) string {
	return "arn:aws:iam::" + account + ":group" + orRoot(g.Path) + name
}

// VirtualMFA is a virtual device. User is who has it: a user's name, or "root"; "" is nobody yet.
type VirtualMFA struct {
	User    string     `json:"user,omitempty"`
	Enabled *time.Time `json:"enabled,omitempty"`
}

// PasswordPolicy is what an account asks of passwords. Zero in Reuse and MaxAge is "not asked".
type PasswordPolicy struct {
	Length     int  `json:"length"`
	Reuse      int  `json:"reuse,omitempty"`
	MaxAge     int  `json:"max_age,omitempty"` // days
	Symbols    bool `json:"symbols,omitempty"`
	Numbers    bool `json:"numbers,omitempty"`
	Upper      bool `json:"upper,omitempty"`
	Lower      bool `json:"lower,omitempty"`
	ChangeOwn  bool `json:"change_own,omitempty"`
	HardExpiry bool `json:"hard_expiry,omitempty"`
}

// LoginProfile is a user's password for the console.
type LoginProfile struct {
	Created  time.Time  `json:"created"`
	LastUsed *time.Time `json:"last_used,omitempty"` // nil: never
	// Reset says that the user must choose another at the next sign-in.
	Reset bool `json:"reset,omitempty"`
}

// User is an IAM user.
type User struct {
	ID         string                `json:"id"`
	Path       string                `json:"path,omitempty"` // "" is "/"
	Created    time.Time             `json:"created"`
	Tags       map[string]string     `json:"tags,omitempty"`
	AccessKeys map[string]*AccessKey `json:"access_keys,omitempty"`
	Attached   []string              `json:"attached,omitempty"` // ARNs of managed policies, in the order of attachment
	Inline     map[string]string     `json:"inline,omitempty"`   // policy documents by name, as they were put
	Groups     []string              `json:"groups,omitempty"`
	Login      *LoginProfile         `json:"login,omitempty"` // nil: no password for the console
	// HardwareMFA is a device that is no virtual one; those are in IAM.VirtualMFA.
	HardwareMFA bool `json:"hardware_mfa,omitempty"`
	// Services are those that its policies let it use, and when it last did; nil is never.
	Services map[string]*LastUsed `json:"services,omitempty"`
}

// AccessKey is a key of a user.
type AccessKey struct {
	Status   string    `json:"status"` // Active or Inactive
	Created  time.Time `json:"created"`
	LastUsed *LastUsed `json:"last_used,omitempty"` // nil: never
}

// LastUsed says when and for what a key was last used.
type LastUsed struct {
	Time    time.Time `json:"time"`
	Service string    `json:"service"`
	Region  string    `json:"region"`
}

// Role is an IAM role.
type Role struct {
	ID                 string            `json:"id"`
	Path               string            `json:"path,omitempty"` // "" is "/"; below /aws-service-role/ nothing can be put
	Created            time.Time         `json:"created"`
	Description        string            `json:"description,omitempty"`
	Trust              string            `json:"trust,omitempty"` // who may assume it, a policy document
	MaxSessionDuration int               `json:"max_session_duration,omitempty"`
	Tags               map[string]string `json:"tags,omitempty"`
	Attached           []string          `json:"attached,omitempty"` // ARNs of managed policies
	Inline             map[string]string `json:"inline,omitempty"`
	LastUsed           *LastUsed         `json:"last_used,omitempty"` // nil: never, or longer ago than IAM tracks; Service is not told
	// Services are as those of a user.
	Services map[string]*LastUsed `json:"services,omitempty"`
}

func (u *User) arn(account, name string) string {
	return "arn:aws:iam::" + account + ":user" + orRoot(u.Path) + name
}

func (r *Role) arn(account, name string) string {
	return "arn:aws:iam::" + account + ":role" + orRoot(r.Path) + name
}

func orRoot(path string) string {
	if path == "" {
		return "/"
	}
	return path
}
