package policy

import (
	_ "embed"
	"sync"
)

// DefaultFile and DefaultTests are the policy that ships, and its tests.
//
//go:embed default.yaml
var DefaultFile []byte

// DefaultTests are the tests of DefaultFile.
//
//go:embed default_test.yaml
var DefaultTests []byte

// Default is the policy that ships: what can be undone by itself and harms nothing is automatic, a
// change is approved by one person of secops-oncall, and what cannot be undone, or concerns a whole account, by two.
var Default = sync.OnceValue(func() *Policy {
	p, problems := Parse("default.yaml", DefaultFile)
	if len(problems) > 0 {
		panic(problems) // a test sees to it that there are none
	}
	return p
})
