package aws

import (
	"context"
	"crypto/sha1" //nolint:gosec // UUIDs of version 5 are made with it
	"fmt"
	"regexp"
	"slices"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/preview"
)

const secretARN = "arn:aws:secretsmanager:{region}:{account}:secret:{secret}-??????"

// The labels of versions.
const (
	stageCurrent = "AWSCURRENT"
	stagePending = "AWSPENDING"
)

// A rotation function makes a new password and tries it, which takes seconds to a few minutes: as many
// looks are about five of them, and the next attempt goes on looking.
const (
	rotationLooks = 24
	rotationFirst = time.Second
	rotationMost  = 15 * time.Second
)

func (s *service) registerRotation(r *activities.Registry) {
	activities.Register(r, activities.Spec{
		Name:  "aws.secretsmanager.rotate_secret",
		Title: "Rotate a secret",
		Doc: "Has the secret's own rotation function make a new version, once a step, and waits until it is the current one. What keeps the old value in memory " +
			"fails as soon as it no longer works. A secret whose rotation is not turned on is refused. Nobody reads the value.",
		Effect:      activities.Change,
		Undo:        "aws.secretsmanager.restore_version",
		Targets:     []string{"secret"},
		Permissions: []string{"secretsmanager:DescribeSecret", "secretsmanager:RotateSecret", "lambda:InvokeFunction"},
		Scopes: map[string][]string{
			"secretsmanager:DescribeSecret": {secretARN}, "secretsmanager:RotateSecret": {secretARN},
			"lambda:InvokeFunction": {"arn:aws:lambda:{region}:{account}:function:*"},
		},
		Timeout:   10 * time.Minute,
		Heartbeat: time.Minute,
	}, s.rotateSecret)
	activities.Previews(r, "aws.secretsmanager.rotate_secret", s.previewRotate)
}

type secretInput struct {
	Account string `json:"account" jsonschema:"AWS account of twelve digits that owns the secret"`
	Region  string `json:"region" jsonschema:"region of the secret, as eu-west-1"`
	Secret  string `json:"secret" jsonschema:"name of the secret; no ARN"`
}

func (in secretInput) String() string {
	return fmt.Sprintf("secret %s in account %s, %s", in.Secret, in.Account, in.Region)
}

// A name becomes part of an ARN.
var secretForm = regexp.MustCompile(`^[A-Za-z0-9/_+=.@-]{1,512}$`)

type versionOutput struct {
	Version         string `json:"version" jsonschema:"version that is current now"`
	PreviousVersion string `json:"previous_version" jsonschema:"version that was current before"`
	Changed         bool   `json:"changed" jsonschema:"false if it was so before"`
	Verified        bool   `json:"verified" jsonschema:"true if it was read back as it should be"`
}

// secretVersions is what Secrets Manager tells of a secret, and nothing of its values.
type secretVersions struct {
	stages   map[string][]string
	tags     map[string]string
	arn      string
	rotates  bool
	deleting bool
}

// at finds the version that bears a label; "" is none.
func (v secretVersions) at(stage string) string {
	for id, stages := range v.stages {
		if slices.Contains(stages, stage) {
			return id
		}
	}
	return ""
}

// underWay is the version of a rotation that has not come to its end.
func (v secretVersions) underWay() string {
	if pending := v.at(stagePending); pending != v.at(stageCurrent) {
		return pending
	}
	return ""
}

func readSecret(ctx context.Context, c *clients, in secretInput, what string) (secretVersions, error) {
	out, err := c.SecretsManager().DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &in.Secret})
	if err != nil {
		return secretVersions{}, failed(err, "%s: read its versions", what)
	}
	v := secretVersions{
		stages: out.VersionIdsToStages, tags: map[string]string{}, arn: sdk.ToString(out.ARN), rotates: sdk.ToBool(out.RotationEnabled), deleting: out.DeletedDate != nil,
	}
	for _, tag := range out.Tags {
		v.tags[sdk.ToString(tag.Key)] = sdk.ToString(tag.Value)
	}
	return v, nil
}

// rotationToken names the rotation of one secret by one step: Secrets Manager makes it the id of the version,
// and does nothing when it is asked again.
func rotationToken(ctx context.Context, arn string) string {
	info := activities.InfoFrom(ctx)
	// The namespace is one of ours, and never changes.
	namespace := []byte{0x5c, 0x0f, 0x3b, 0x1e, 0x8a, 0x52, 0x4d, 0x6e, 0x9b, 0x07, 0x2d, 0x61, 0xe4, 0x93, 0xaf, 0x18}
	sum := sha1.Sum(append(namespace, fmt.Sprintf("%q %q %q", info.Run, info.Step, arn)...)) //nolint:gosec // as RFC 9562 says
	b := sum[:16]
	b[6], b[8] = b[6]&0x0f|0x50, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func (s *service) rotateSecret(ctx context.Context, in secretInput) (versionOutput, error) {
	what := "rotate " + in.String()
	ctx, c, v, token, err := s.findRotation(ctx, in, what)
	if err != nil {
		return versionOutput{}, err
	}
	first, err := activities.Remember(ctx, v.at(stageCurrent))
	if err != nil {
		return versionOutput{}, err
	}
	if v.stages[token] == nil {
		if _, err := c.SecretsManager().RotateSecret(ctx, &secretsmanager.RotateSecretInput{
			SecretId: &in.Secret, ClientRequestToken: &token, RotateImmediately: sdk.Bool(true),
		}); err != nil {
			return versionOutput{}, failed(err, "%s", what)
		}
	}
	out := versionOutput{Version: token, PreviousVersion: first, Changed: first != token, Verified: true}
	if v.at(stageCurrent) == token {
		return out, nil
	}
	wait := rotationFirst
	for range rotationLooks {
		v, err := readSecret(ctx, c, in, what)
		if err != nil || v.at(stageCurrent) == token {
			return out, err
		}
		activities.Heartbeat(ctx, "wait for the rotation function")
		if err := s.pause(ctx, wait); err != nil {
			return versionOutput{}, fmt.Errorf("%s: wait until the new version is current: %w", what, err)
		}
		wait = min(2*wait, rotationMost)
	}
	return versionOutput{}, activities.Passing("RotationUnderWay", 0,
		fmt.Errorf("%s: begun, but version %s is not current after %d looks: see the log of the rotation function", what, token, rotationLooks))
}

// findRotation is what both the change and its preview look at first.
func (s *service) findRotation(ctx context.Context, in secretInput, what string) (_ context.Context, c *clients, v secretVersions, token string, err error) {
	if !secretForm.MatchString(in.Secret) {
		return ctx, nil, v, "", badInput("%s: want the name of a secret, no ARN", what)
	}
	if activities.InfoFrom(ctx).Run == "" {
		return ctx, nil, v, "", activities.Permanent("NoStep", fmt.Errorf("%s: no step to name the rotation by: only a step of a run may call it", what))
	}
	if c, err = s.in(ctx, in.Account, in.Region); err != nil {
		return ctx, nil, v, "", err
	}
	if v, err = readSecret(ctx, c, in, what); err != nil {
		return ctx, nil, v, "", err
	}
	token = rotationToken(ctx, v.arn)
	switch ours := v.stages[token]; {
	case v.at(stageCurrent) == token, v.underWay() == token:
	case v.deleting:
		err = activities.Permanent("SecretDeleted", fmt.Errorf("%s: the secret is to be deleted", what))
	case ours != nil:
		err = activities.Permanent("ChangedSince", fmt.Errorf("%s: this step has rotated it before, to version %s, which is no longer current: somebody has changed it since", what, token))
	case !v.rotates:
		err = activities.Permanent("NoRotation", fmt.Errorf("%s: its rotation is not turned on: give it a rotation function, or make the new value by hand", what))
	case v.underWay() != "":
		err = activities.Passing("RotationUnderWay", 0, fmt.Errorf("%s: another rotation has not come to its end: version %s is pending", what, v.underWay()))
	}
	if err != nil {
		return ctx, nil, v, "", err
	}
	ctx, err = s.clear(ctx, c, what, thing{arn: v.arn, tags: v.tags})
	return ctx, c, v, token, err
}

func (s *service) previewRotate(ctx context.Context, in secretInput) (preview.Preview, error) {
	_, _, v, token, err := s.findRotation(ctx, in, "preview of "+in.String())
	if err != nil || v.at(stageCurrent) == token {
		return unchanged, err
	}
	return shown(preview.Change{Target: in.String(), What: "current version", Before: v.at(stageCurrent), After: "a new one"}), nil
}
