package aws

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/aws/standin"
	"github.com/countersign/countersign/activities/secret"
)

func TestSecretsManager(t *testing.T) {
	const canary = "s3cr3t-c4n4ry-value"
	w := newWorld(t)
	w.Update(func(st *standin.State) {
		st.Accounts[standin.SampleAccount].Regions[standin.SampleRegion].Secrets = map[string]*standin.StoredSecret{
			"prod/jira":  {Suffix: "Ab1cD2", Value: `{"user":"bot","password":"` + canary + `","port":443}`},
			"prod/token": {Suffix: "Ef3gH4", Value: canary},
			"prod/key":   {Suffix: "Ij5kL6", Value: canary, Binary: true},
		}
	})
	store := Secrets(w.options)
	for name, tc := range map[string]struct {
		where     secret.Stored
		kind      string // "" is well
		says      string
		permanent bool
	}{
		"by name":        {where: secret.Stored{ID: "prod/token"}},
		"by ARN":         {where: secret.Stored{ID: "arn:aws:secretsmanager:" + standin.SampleRegion + ":" + standin.SampleAccount + ":secret:prod/token-Ef3gH4"}},
		"bytes":          {where: secret.Stored{ID: "prod/key"}},
		"a key of it":    {where: secret.Stored{ID: "prod/jira", Key: "password"}},
		"no such key":    {where: secret.Stored{ID: "prod/jira", Key: "pass"}, kind: "BadSecret", says: `it has no key "pass"`, permanent: true},
		"no text":        {where: secret.Stored{ID: "prod/jira", Key: "port"}, kind: "BadSecret", says: `its key "port" is not a string`, permanent: true},
		"no object":      {where: secret.Stored{ID: "prod/token", Key: "password"}, kind: "BadSecret", says: "it is no JSON object", permanent: true},
		"no such secret": {where: secret.Stored{ID: "prod/none"}, kind: "ResourceNotFoundException", says: "read the secret prod/none of account " + standin.SampleAccount, permanent: true},
		"elsewhere":      {where: secret.Stored{ID: "prod/token", Account: "999900001111"}, kind: "WrongAccount", says: "the credentials are for account", permanent: true},
		"no region":      {where: secret.Stored{ID: "prod/token", Region: "evil.example.com/"}, kind: "BadInput", says: "want a name as eu-west-1", permanent: true},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.where.Account == "" {
				tc.where.Account = standin.SampleAccount
			}
			if tc.where.Region == "" {
				tc.where.Region = standin.SampleRegion
			}
			got, err := store.Secret(t.Context(), tc.where)
			if tc.kind == "" {
				require.NoError(t, err)
				require.Equal(t, canary, got.Reveal())
				return
			}
			var e *activities.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, tc.kind, e.Kind)
			require.Equal(t, tc.permanent, e.Permanent)
			require.ErrorContains(t, err, tc.says)
			require.NotContains(t, err.Error(), "c4n4ry")
		})
	}
}
