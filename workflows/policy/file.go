package policy

import "github.com/countersign/countersign/activities/fresh"

// maxFile bounds a policy file, in bytes.
const maxFile = 256 << 10

// File reads a policy file at every question; "" is the policy that ships. Whoever asks of effects
// asks through this, so that a change of the file counts from the next effect on.
func File(name string) func() (*Policy, error) {
	if name == "" {
		return func() (*Policy, error) { return Default(), nil }
	}
	return fresh.File(name, maxFile, func(raw []byte) (*Policy, error) {
		p, problems := Parse(name, raw)
		if len(problems) > 0 {
			return nil, problems
		}
		return p, nil
	})
}
