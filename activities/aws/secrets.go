package aws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/secret"
)

// Secrets reads AWS Secrets Manager, with the permission secretsmanager:GetSecretValue and that for
// the key that a secret is encrypted with. It makes no call until it is asked.
func Secrets(opts Options) secret.Store { return secrets{newService(opts)} }

type secrets struct{ *service }

// Secret reads the current version. Its errors never say what was found.
func (s secrets) Secret(ctx context.Context, where secret.Stored) (secret.Secret, error) {
	what := fmt.Sprintf("read the secret %s of account %s, %s", where.ID, where.Account, where.Region)
	c, err := s.sessions.Home(ctx, where.Account, where.Region)
	if err != nil {
		return secret.Secret{}, err
	}
	out, err := c.SecretsManager().GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &where.ID})
	if err != nil {
		return secret.Secret{}, failed(err, "%s", what)
	}
	value := sdk.ToString(out.SecretString)
	if out.SecretString == nil {
		value = string(out.SecretBinary)
	}
	if where.Key == "" {
		return secret.New(value), nil
	}
	bad := func(says string) (secret.Secret, error) {
		return secret.Secret{}, activities.Permanent("BadSecret", fmt.Errorf("%s: %w", what, errors.New(says)))
	}
	var object map[string]json.RawMessage
	if json.Unmarshal([]byte(value), &object) != nil { // its error would quote
		return bad("it is no JSON object, and a key of it was asked for")
	}
	var entry string
	raw, ok := object[where.Key]
	if !ok {
		return bad(fmt.Sprintf("it has no key %q", where.Key))
	}
	if json.Unmarshal(raw, &entry) != nil {
		return bad(fmt.Sprintf("its key %q is not a string", where.Key))
	}
	return secret.New(entry), nil
}
