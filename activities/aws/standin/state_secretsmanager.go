package standin

import (
	"slices"
	"time"
)

// The labels that Secrets Manager puts on versions.
const (
	secretCurrent  = "AWSCURRENT"
	secretPrevious = "AWSPREVIOUS"
	secretPending  = "AWSPENDING"
)

// onlyVersion is the version of a secret that has no others.
const onlyVersion = "a1b2c3d4-5678-90ab-cdef-EXAMPLE11111"

// StoredSecret is a secret of Secrets Manager.
type StoredSecret struct {
	// Suffix is the six characters that AWS adds to the name in the ARN.
	Suffix string `json:"suffix"`
	// Value is what it holds where Versions is empty.
	Value string `json:"value,omitempty"`
	// Binary says that the value was stored as bytes.
	Binary bool `json:"binary,omitempty"`
	// Versions by their id, if there is more than one.
	Versions map[string]*SecretVersion `json:"versions,omitempty"`
	// RotationFunction is the ARN of the function that rotates it; empty: none does.
	RotationFunction string `json:"rotation_function,omitempty"`
	// RotationOff says that it is not rotated by itself, RotationFails that the function does not come to an end.
	RotationOff   bool              `json:"rotation_off,omitempty"`
	RotationFails bool              `json:"rotation_fails,omitempty"`
	Deleted       *time.Time        `json:"deleted,omitempty"`
	Tags          map[string]string `json:"tags,omitempty"`
}

// SecretVersion is one version of a secret, with its labels in order.
type SecretVersion struct {
	Value  string   `json:"value"`
	Stages []string `json:"stages,omitempty"`
}

func (s *StoredSecret) versions() map[string]*SecretVersion {
	if len(s.Versions) > 0 {
		return s.Versions
	}
	return map[string]*SecretVersion{onlyVersion: {Value: s.Value, Stages: []string{secretCurrent}}}
}

// at finds the version that bears a label; "" is none.
func (s *StoredSecret) at(stage string) string {
	for _, id := range sorted(s.versions()) {
		if slices.Contains(s.versions()[id].Stages, stage) {
			return id
		}
	}
	return ""
}

func (s *StoredSecret) drop(id, stage string) {
	v := s.Versions[id]
	v.Stages = slices.DeleteFunc(v.Stages, func(has string) bool { return has == stage })
}

func (s *StoredSecret) add(id, stage string) {
	v := s.Versions[id]
	v.Stages = append(v.Stages, stage)
	slices.Sort(v.Stages)
}

// move puts a label on a version; "" takes it away.
func (s *StoredSecret) move(stage, to string) {
	from := s.at(stage)
	if from != "" {
		s.drop(from, stage)
	}
	if to != "" {
		s.add(to, stage)
	}
	if stage == secretCurrent {
		s.move(secretPrevious, from)
	}
}

// finish ends a rotation. AWS leaves AWSPENDING on the version that is current then.
func (s *StoredSecret) finish(pending string) { s.move(secretCurrent, pending) }
