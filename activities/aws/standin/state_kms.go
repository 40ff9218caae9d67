package standin

import (
	"cmp"
	"time"
)

// The states of a key.
const (
	keyEnabled         = "Enabled"
	keyDisabled        = "Disabled"
	keyPendingDeletion = "PendingDeletion"
)

const symmetric = "SYMMETRIC_DEFAULT"

// Key is a key of KMS, by its id.
type Key struct {
	Created     time.Time `json:"created,omitzero"`
	Description string    `json:"description,omitempty"`
	// AWSManaged says that AWS made it for a service of its own.
	AWSManaged bool `json:"aws_managed,omitempty"`
	// Spec, Usage and Origin are SYMMETRIC_DEFAULT, ENCRYPT_DECRYPT and AWS_KMS if they are empty.
	Spec   string `json:"spec,omitempty"`
	Usage  string `json:"usage,omitempty"`
	Origin string `json:"origin,omitempty"`
	// Rotated says that AWS gives it new material every year.
	Rotated  bool `json:"rotated,omitempty"`
	Disabled bool `json:"disabled,omitempty"`
	// Deletion is when it is to be deleted; until then it waits.
	Deletion *time.Time        `json:"deletion,omitempty"`
	Tags     map[string]string `json:"tags,omitempty"`
}

func (k *Key) spec() string   { return cmp.Or(k.Spec, symmetric) }
func (k *Key) usage() string  { return cmp.Or(k.Usage, "ENCRYPT_DECRYPT") }
func (k *Key) origin() string { return cmp.Or(k.Origin, "AWS_KMS") }

func (k *Key) state() string {
	switch {
	case k.Deletion != nil:
		return keyPendingDeletion
	case k.Disabled:
		return keyDisabled
	default:
		return keyEnabled
	}
}
