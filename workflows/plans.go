package workflows

import (
	"sync"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/workflows/playbook"
)

// compiled keeps playbooks by the digest of their plan, so that a worker compiles each one once.
// A playbook does not change and its programs may run side by side, so runs share it.
var compiled = struct {
	sync.Mutex
	byDigest map[digest.Digest]*playbook.Playbook
}{byDigest: map[digest.Digest]*playbook.Playbook{}}

// maxCompiled bounds the memory; a worker meets far fewer plans unless somebody feeds it new ones.
const maxCompiled = 512

// load compiles a plan, or finds it compiled. What it returns depends on the plan alone, so a
// replay sees the same whether or not the plan was there.
func load(p playbook.Plan) (*playbook.Playbook, error) {
	name, err := digest.Of(p)
	if err != nil {
		return nil, err
	}
	compiled.Lock()
	pb, ok := compiled.byDigest[name]
	compiled.Unlock()
	if ok {
		return pb, nil
	}
	// Without the lock, so that no run waits for another's playbook. Two that compile the same one
	// at the same time do it twice.
	if pb, err = p.Load(); err != nil {
		return nil, err
	}
	compiled.Lock()
	defer compiled.Unlock()
	if len(compiled.byDigest) >= maxCompiled {
		clear(compiled.byDigest)
	}
	compiled.byDigest[name] = pb
	return pb, nil
}
