package grant

import (
	"bytes"
	"crypto/sha256"
	"fmt"

	"github.com/countersign/countersign/activities/digest"
)

// MaxListed is how many calls a grant lists. One of more names them by the root of a tree, and each
// call comes with the proof that it is one of them: a list of a thousand would stand in the history
// once for each of them.
const MaxListed = 25

// Cover sets what the grant permits: the calls that were shown, in their order.
func (g *Grant) Cover(calls []Call) error {
	if len(calls) <= MaxListed {
		g.Calls = calls
		return nil
	}
	t, err := NewTree(calls)
	if err != nil {
		return err
	}
	g.Calls, g.Root, g.Count = []Call{}, t.Root(), len(calls)
	return nil
}

// Covers returns the covered call of a step. A grant that lists its calls needs no proof.
func (g Grant) Covers(step string, p *Proof) (Call, bool) {
	if len(g.Root) == 0 {
		return g.Find(step)
	}
	if p == nil || p.Call.Step != step || !p.holds(g.Root, g.Count) {
		return Call{}, false
	}
	return p.Call, true
}

// Proof shows of one call that it is among those whose root a grant names. It needs no signature: who
// makes one for another call would have to find a collision of SHA-256.
type Proof struct {
	Call  Call     `json:"call"`
	Index int      `json:"index"`
	Path  [][]byte `json:"path"`
}

// Tree is the Merkle tree of calls, as RFC 9162 (section 2.1) has it: leaves and nodes are hashed with
// another byte before them, so that neither passes for the other.
type Tree struct {
	calls  []Call
	levels [][][]byte
}

// NewTree hashes calls, of which there is at least one.
func NewTree(calls []Call) (*Tree, error) {
	if len(calls) == 0 {
		return nil, fmt.Errorf("a tree of no calls")
	}
	level := make([][]byte, len(calls))
	for i, c := range calls {
		var err error
		if level[i], err = leaf(c); err != nil {
			return nil, err
		}
	}
	t := &Tree{calls: calls, levels: [][][]byte{level}}
	for len(level) > 1 {
		next := make([][]byte, 0, (len(level)+1)/2)
		for i := 0; i < len(level); i += 2 {
			if i+1 == len(level) {
				next = append(next, level[i]) // it stands alone, and goes up as it is
				continue
			}
			next = append(next, node(level[i], level[i+1]))
		}
		t.levels = append(t.levels, next)
		level = next
	}
	return t, nil
}

// Root names all calls and their order.
func (t *Tree) Root() []byte { return t.levels[len(t.levels)-1][0] }

// Proof is that of the call with the index.
func (t *Tree) Proof(index int) *Proof {
	p := &Proof{Call: t.calls[index], Index: index}
	at := index
	for _, level := range t.levels[:len(t.levels)-1] {
		if beside := at ^ 1; beside < len(level) {
			p.Path = append(p.Path, level[beside])
		}
		at >>= 1
	}
	return p
}

// holds follows the path up to the root, RFC 9162 section 2.1.3.2.
func (p *Proof) holds(root []byte, count int) bool {
	if p.Index < 0 || p.Index >= count {
		return false
	}
	is, err := leaf(p.Call)
	if err != nil {
		return false
	}
	at, last := p.Index, count-1
	for _, beside := range p.Path {
		if last == 0 || len(beside) != sha256.Size {
			return false
		}
		if at%2 == 1 || at == last {
			is = node(beside, is)
			for at%2 == 0 && at != 0 {
				at, last = at>>1, last>>1
			}
		} else {
			is = node(is, beside)
		}
		at, last = at>>1, last>>1
	}
	return last == 0 && bytes.Equal(is, root)
}

func leaf(c Call) ([]byte, error) {
	raw, err := digest.Canonical(c)
	if err != nil {
		return nil, fmt.Errorf("name the call of %s: %w", c.Step, err)
	}
	sum := sha256.Sum256(append([]byte{0}, raw...))
	return sum[:], nil
}

func node(left, right []byte) []byte {
	h := sha256.New()
	h.Write([]byte{1})
	h.Write(left)
	h.Write(right)
	return h.Sum(nil)
}
