package playbook_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/secret"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/playbook"
)

type callInput struct {
	Host  string     `json:"host"`
	Token secret.Ref `json:"token"`
}

// A playbook names secrets. One that stands in it is refused, and not said again.
func TestSecretsAreNamed(t *testing.T) {
	r := activities.NewRegistry()
	activities.Register(r, activities.Spec{Name: "host.call", Title: "Call a host", Effect: activities.Read},
		func(context.Context, callInput) (lampOutput, error) { return lampOutput{}, nil })
	for token, bad := range map[string]bool{
		"secret://host-token": false, "secret://${inputs.which}": false, "${inputs.which}": false,
		"hunter2-hunter2": true, "secret://Host": true, "": true,
	} {
		pb, problems := playbook.Compile("call.yaml", []byte("playbook: call\nstage: run\ninputs: {which: {type: string}}\nsteps:\n  - activity: host.call\n    with: {host: a, token: '"+token+"'}\n"), workflows.Catalog(r))
		if !bad {
			require.Empty(t, problems, token)
			requireFixedPoint(t, pb)
			continue
		}
		require.EqualError(t, problems, "call.yaml:6:28: a secret is named, as secret://pagerduty-token, and never written down [bad-value]", token)
	}
}
