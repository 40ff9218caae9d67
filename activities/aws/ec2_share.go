package aws

import (
	"context"
	"fmt"
	"regexp"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/preview"
)

func (s *service) registerShare(r *activities.Registry) {
	activities.Register(r, activities.Spec{
		Name:  "aws.ec2.share_snapshot",
		Title: "Share a snapshot with a forensic account",
		Doc: "Lets one account make volumes and copies of the snapshot. Of an encrypted one the policy of its key must let that account use the key as well; " +
			"one under the key that AWS keeps for EBS cannot be shared, and is refused: copy it under another key first, with aws.ec2.copy_snapshot.",
		Effect: activities.Change, Undo: "aws.ec2.unshare_snapshot", Targets: []string{"snapshot_id", "with_account"},
		Permissions: []string{"ec2:DescribeSnapshots", "ec2:DescribeSnapshotAttribute", "ec2:ModifySnapshotAttribute", "kms:DescribeKey"},
		Scopes:      map[string][]string{"ec2:ModifySnapshotAttribute": {snapshotARN}},
		Timeout:     ec2Timeout,
	}, s.shareSnapshot)
	activities.Register(r, activities.Spec{
		Name:   "aws.ec2.unshare_snapshot",
		Title:  "Take a snapshot away from one account",
		Doc:    "What the account has copied stays with it.",
		Effect: activities.Change, Undo: "aws.ec2.share_snapshot", Targets: []string{"snapshot_id", "with_account"},
		Permissions: []string{"ec2:DescribeSnapshots", "ec2:DescribeSnapshotAttribute", "ec2:ModifySnapshotAttribute"},
		Scopes:      map[string][]string{"ec2:ModifySnapshotAttribute": {snapshotARN}},
		Timeout:     ec2Timeout,
	}, s.unshareFromAccount)
	activities.Previews(r, "aws.ec2.share_snapshot", s.previewShare)
	activities.Previews(r, "aws.ec2.unshare_snapshot", s.previewUnshareFrom)
}

var accountForm = regexp.MustCompile(`^[0-9]{12}$`)

type shareInput struct {
	Account     string `json:"account" jsonschema:"AWS account of twelve digits that the snapshot is in"`
	Region      string `json:"region" jsonschema:"region that the snapshot is in, as eu-west-1"`
	SnapshotID  string `json:"snapshot_id" jsonschema:"snapshot, as snap-0123456789abcdef0"`
	WithAccount string `json:"with_account" jsonschema:"AWS account of twelve digits that may use the snapshot, or no longer may"`
	WasShared   *bool  `json:"was_shared,omitempty" jsonschema:"set when undoing: what the call to undo had found; a snapshot that it had found as it wanted it is left alone"`
}

type shareOutput struct {
	WasShared bool `json:"was_shared" jsonschema:"true if the snapshot was shared with the account before"`
	Changed   bool `json:"changed" jsonschema:"false if it already was so, or had to stay"`
	Verified  bool `json:"verified" jsonschema:"true if it was read back as it should be"`
}

func (s *service) shareSnapshot(ctx context.Context, in shareInput) (shareOutput, error) {
	t := s.sharing(in, true, "share ")
	first, verified, err := t.make(ctx, s)
	return shareOutput{WasShared: first, Changed: t.changed(first), Verified: verified}, err
}

func (s *service) unshareFromAccount(ctx context.Context, in shareInput) (shareOutput, error) {
	t := s.sharing(in, false, "unshare ")
	first, verified, err := t.make(ctx, s)
	return shareOutput{WasShared: first, Changed: t.changed(first), Verified: verified}, err
}

func (s *service) sharing(in shareInput, want bool, verb string) toggle {
	var c *clients
	sh := sharesOfSnapshot(in.Account, in.Region, in.SnapshotID)
	t := toggle{what: verb + sh.target + " with account " + in.WithAccount, want: want, leave: in.WasShared != nil && *in.WasShared != want}
	t.look = func(ctx context.Context) (bool, error) {
		found, _, err := sh.read(ctx, c, t.what)
		return slices.Contains(found, in.WithAccount), err
	}
	t.find = func(ctx context.Context) (context.Context, bool, error) {
		if !accountForm.MatchString(in.WithAccount) || in.WithAccount == in.Account {
			return nil, false, badInput("%s: with_account must be another account, of twelve digits", t.what)
		}
		var err error
		if c, err = s.in(ctx, in.Account, in.Region); err != nil {
			return nil, false, err
		}
		acting, found, err := sh.find(ctx, s, c, t.what, want)
		if err != nil {
			return nil, false, err
		}
		now := slices.Contains(found, in.WithAccount)
		if want && !now && !t.leave {
			err = shareable(ctx, c, in.SnapshotID, t.what)
		}
		return acting, now, err
	}
	t.set = func(ctx context.Context) error {
		if want {
			return sh.write(ctx, c, t.what, []string{in.WithAccount}, nil)
		}
		return sh.write(ctx, c, t.what, nil, []string{in.WithAccount})
	}
	return t
}

// shareable refuses a snapshot under a key that AWS keeps for the account. EC2 would refuse it as well,
// but only when it is asked to share it, which is after people have decided.
func shareable(ctx context.Context, c *clients, id, what string) error {
	snapshot, err := ownSnapshot(ctx, c, id, what)
	if err != nil || !sdk.ToBool(snapshot.Encrypted) || snapshot.KmsKeyId == nil {
		return err
	}
	key, err := c.KMS().DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: snapshot.KmsKeyId})
	if answered(err, "NotFoundException") {
		return nil // a key that is gone, or another account's: EC2 knows
	}
	if err != nil {
		return failed(err, "%s: look at its key %s", what, *snapshot.KmsKeyId)
	}
	if key.KeyMetadata != nil && key.KeyMetadata.KeyManager == kmstypes.KeyManagerTypeAws {
		return activities.Permanent("DefaultKey", fmt.Errorf("%s: it is encrypted with %s, which AWS keeps for the account and nobody else can use; "+
			"copy it under a key of your own first, with aws.ec2.copy_snapshot", what, *snapshot.KmsKeyId))
	}
	return nil
}

func (s *service) previewShare(ctx context.Context, in shareInput) (preview.Preview, error) {
	return s.previewSharing(ctx, in, true)
}

func (s *service) previewUnshareFrom(ctx context.Context, in shareInput) (preview.Preview, error) {
	return s.previewSharing(ctx, in, false)
}

func (s *service) previewSharing(ctx context.Context, in shareInput, want bool) (preview.Preview, error) {
	t := s.sharing(in, want, "preview of ")
	_, now, err := t.find(ctx)
	if err != nil || t.leave || now == want {
		return unchanged, err
	}
	say := map[bool]string{false: "not shared", true: "shared"}
	return sharesOfSnapshot(in.Account, in.Region, in.SnapshotID).show([]string{in.WithAccount}, say[now], say[want]), nil
}
