package approval_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/workflows/approval"
)

var asked = time.Date(2026, 11, 20, 21, 30, 0, 0, time.UTC)

func request(t require.TestingT, quorum int) approval.Request {
	r := approval.Request{
		ID: "contain", Run: "r", Plan: "sha256:aa", Quorum: quorum,
		Calls:  []approval.Call{{Step: "disable", Input: []byte(`{}`), Digest: "sha256:bb"}},
		Groups: []string{"secops-oncall"}, People: []string{"alice@example.com", "bob@example.com", "carol@example.com"},
		Asked: asked, Expires: asked.Add(30 * time.Minute),
	}
	require.NoError(t, r.Seal())
	return r
}

// The digest names all that a voter consents to: change any of it and the name changes.
func TestSealCoversWhatIsAsked(t *testing.T) {
	first := request(t, 1).Digest
	for name, change := range map[string]func(*approval.Request){
		"call":      func(r *approval.Request) { r.Calls[0].Digest = "sha256:cc" },
		"execution": func(r *approval.Request) { r.Execution = "other" },
		"question":  func(r *approval.Request) { r.Question = "other" },
		"asked":     func(r *approval.Request) { r.Asked = asked.Add(time.Second) },
		"expires":   func(r *approval.Request) { r.Expires = asked.Add(time.Hour) },
		"people":    func(r *approval.Request) { r.People = r.People[1:] },
		"input":     func(r *approval.Request) { r.Calls[0].Input = []byte(`{"a":1}`) },
		"calls":     func(r *approval.Request) { r.Calls = append(r.Calls, r.Calls[0]) },
		"run":       func(r *approval.Request) { r.Run = "other" },
		"id":        func(r *approval.Request) { r.ID = "other" },
		"plan":      func(r *approval.Request) { r.Plan = "sha256:dd" },
		"quorum":    func(r *approval.Request) { r.Quorum = 2 },
		"groups":    func(r *approval.Request) { r.Groups = []string{"other"} },
	} {
		r := request(t, 1)
		change(&r)
		require.NoError(t, r.Seal())
		require.NotEqual(t, first, r.Digest, name)
	}
}
