package aws

import (
	"context"
	"fmt"
	"regexp"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/countersign/countersign/activities"
)

const kmsKeyARN = "arn:aws:kms:{region}:{account}:key/{key_id}"

func (s *service) registerKey(r *activities.Registry) {
	activities.Register(r, activities.Spec{
		Name:  "aws.kms.disable_key",
		Title: "Disable a KMS key",
		Doc: "Nobody can use the key, and nobody can read what is encrypted under it, until it is enabled again: volumes that are attached go on " +
			"until they are detached, everything else fails within minutes. Keys that AWS manages, and keys that wait for deletion, are refused.",
		Effect:      activities.Change,
		Undo:        "aws.kms.enable_key",
		Targets:     []string{"key_id"},
		Permissions: []string{"kms:DescribeKey", "kms:ListResourceTags", "kms:DisableKey"},
		Scopes:      map[string][]string{"kms:DescribeKey": {kmsKeyARN}, "kms:ListResourceTags": {kmsKeyARN}, "kms:DisableKey": {kmsKeyARN}},
		Timeout:     iamTimeout,
	}, s.disableKey)
	activities.Register(r, activities.Spec{
		Name:        "aws.kms.enable_key",
		Title:       "Enable a KMS key again",
		Effect:      activities.Change,
		Undo:        "aws.kms.disable_key",
		Targets:     []string{"key_id"},
		Permissions: []string{"kms:DescribeKey", "kms:EnableKey"},
		Scopes:      map[string][]string{"kms:DescribeKey": {kmsKeyARN}, "kms:EnableKey": {kmsKeyARN}},
		Timeout:     iamTimeout,
	}, s.enableKey)
	previewTurn(r, "aws.kms.disable_key", s.turnKeyOff)
	previewTurn(r, "aws.kms.enable_key", s.turnKeyOn)
}

type kmsKeyCall struct {
	Account       string `json:"account" jsonschema:"AWS account of twelve digits that owns the key"`
	Region        string `json:"region" jsonschema:"region of the key, as eu-west-1"`
	KeyID         string `json:"key_id" jsonschema:"id of the key, as 1234abcd-12ab-34cd-56ef-1234567890ab; no alias, no ARN"`
	PreviousState string `json:"previous_state,omitempty" jsonschema:"set when undoing: Enabled or Disabled, the state that the call to undo had found; a key that it had found as it wanted it is left alone"`
}

func (in kmsKeyCall) String() string {
	return fmt.Sprintf("KMS key %s in account %s, %s", in.KeyID, in.Account, in.Region)
}

type kmsKeyResult struct {
	PreviousState string `json:"previous_state" jsonschema:"state found before: Enabled or Disabled"`
	Changed       bool   `json:"changed" jsonschema:"false if the key already was so"`
	Verified      bool   `json:"verified" jsonschema:"true if the state was read back as it should be"`
}

// An id becomes part of an ARN; an alias may point elsewhere tomorrow.
var kmsKeyForm = regexp.MustCompile(`^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32})$`)

func (s *service) disableKey(ctx context.Context, in kmsKeyCall) (kmsKeyResult, error) {
	t, err := s.turnKeyOff(ctx, in)
	return s.turnedKey(ctx, t, err)
}

func (s *service) enableKey(ctx context.Context, in kmsKeyCall) (kmsKeyResult, error) {
	t, err := s.turnKeyOn(ctx, in)
	return s.turnedKey(ctx, t, err)
}

func (s *service) turnedKey(ctx context.Context, t turn[types.KeyState], err error) (kmsKeyResult, error) {
	if err != nil {
		return kmsKeyResult{}, err
	}
	out, err := t.do(ctx, s)
	if err != nil {
		return kmsKeyResult{}, err
	}
	return kmsKeyResult{PreviousState: string(out.previous), Changed: out.changed, Verified: out.verified}, nil
}

func (s *service) turnKeyOff(ctx context.Context, in kmsKeyCall) (turn[types.KeyState], error) {
	t, c, err := s.turnKey(ctx, in, "disable", types.KeyStateDisabled)
	if err != nil {
		return t, err
	}
	t.admit = func(ctx context.Context) (context.Context, error) {
		tags, err := keyTags(ctx, c, in, t.call)
		if err != nil {
			return nil, err
		}
		return s.clear(ctx, c, t.call, thing{arn: "arn:aws:kms:" + in.Region + ":" + in.Account + ":key/" + in.KeyID, tags: tags})
	}
	t.write = func(ctx context.Context, _ types.KeyState) error {
		if _, err := c.KMS().DisableKey(ctx, &kms.DisableKeyInput{KeyId: &in.KeyID}); err != nil {
			return failed(err, "%s", t.call)
		}
		return nil
	}
	return t, nil
}

func (s *service) turnKeyOn(ctx context.Context, in kmsKeyCall) (turn[types.KeyState], error) {
	t, c, err := s.turnKey(ctx, in, "enable", types.KeyStateEnabled)
	if err != nil {
		return t, err
	}
	t.admit = admitReleased
	t.write = func(ctx context.Context, _ types.KeyState) error {
		if _, err := c.KMS().EnableKey(ctx, &kms.EnableKeyInput{KeyId: &in.KeyID}); err != nil {
			return failed(err, "%s", t.call)
		}
		return nil
	}
	return t, nil
}

func (s *service) turnKey(ctx context.Context, in kmsKeyCall, verb string, want types.KeyState) (turn[types.KeyState], *clients, error) {
	t := turn[types.KeyState]{
		call: verb + " " + in.String(), of: in.String(), want: want,
		property: "state", say: func(s types.KeyState) string { return string(s) },
	}
	previous := types.KeyState(in.PreviousState)
	switch {
	case !kmsKeyForm.MatchString(in.KeyID):
		return t, nil, badInput("%s: want the id of a key, as 1234abcd-12ab-34cd-56ef-1234567890ab", t.call)
	case previous != "" && previous != types.KeyStateEnabled && previous != types.KeyStateDisabled:
		return t, nil, badInput("%s: previous_state %q: want Enabled or Disabled", t.call, in.PreviousState)
	case previous != "" && previous != want:
		t.leave = &previous
	}
	c, err := s.in(ctx, in.Account, in.Region)
	if err != nil {
		return t, nil, err
	}
	what := t.call
	t.read = func(ctx context.Context) (types.KeyState, error) { return keyState(ctx, c, in, what) }
	return t, c, nil
}

// keyState reads the state of a key of the customer's that can be enabled and disabled.
func keyState(ctx context.Context, c *clients, in kmsKeyCall, what string) (types.KeyState, error) {
	out, err := c.KMS().DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &in.KeyID})
	if err != nil {
		return "", failed(err, "%s: read its state", what)
	}
	switch k := out.KeyMetadata; {
	case k == nil:
		return "", activities.Passing("NoAnswer", 0, fmt.Errorf("%s: read its state: KMS said nothing of the key", what))
	case k.KeyManager != types.KeyManagerTypeCustomer:
		return "", activities.Permanent("AWSManagedKey", fmt.Errorf("%s: AWS manages the key, and nobody else can", what))
	case k.KeyState != types.KeyStateEnabled && k.KeyState != types.KeyStateDisabled:
		return "", activities.Permanent("KeyState", fmt.Errorf("%s: the key is %s, which is neither Enabled nor Disabled", what, k.KeyState))
	default:
		return k.KeyState, nil
	}
}

func keyTags(ctx context.Context, c *clients, in kmsKeyCall, what string) (map[string]string, error) {
	tags := map[string]string{}
	pages := kms.NewListResourceTagsPaginator(c.KMS(), &kms.ListResourceTagsInput{KeyId: &in.KeyID})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, failed(err, "%s: read its tags", what)
		}
		for _, tag := range page.Tags {
			tags[sdk.ToString(tag.TagKey)] = sdk.ToString(tag.TagValue)
		}
	}
	return tags, nil
}
