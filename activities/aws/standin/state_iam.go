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
}

// Root is what an account's summary tells of its root user.
type Root struct {
	MFA          bool `json:"mfa,omitempty"`
	AccessKeys   int  `json:"access_keys,omitempty"`
	Certificates int  `json:"certificates,omitempty"`
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
	Inline             map[string]string `json:"inline,omitempty"`
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
