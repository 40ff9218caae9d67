package aws

import (
	"context"
	"fmt"
	"regexp"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/countersign/countersign/activities"
)

func (s *service) registerRestoreVersion(r *activities.Registry) {
	activities.Register(r, activities.Spec{
		Name:  "aws.secretsmanager.restore_version",
		Title: "Make the previous version of a secret the current one again",
		Doc: "Takes back a rotation in Secrets Manager alone: whether the old value still works decides the system that it is for, where the rotation function " +
			"has set the new one. Refused if the secret was rotated since. It is undone by itself, the other way round.",
		Effect:      activities.Change,
		Undo:        "aws.secretsmanager.restore_version",
		Targets:     []string{"secret"},
		Permissions: []string{"secretsmanager:DescribeSecret", "secretsmanager:UpdateSecretVersionStage"},
		Scopes:      map[string][]string{"secretsmanager:DescribeSecret": {secretARN}, "secretsmanager:UpdateSecretVersionStage": {secretARN}},
		Timeout:     iamTimeout,
	}, s.restoreVersion)
	previewTurn(r, "aws.secretsmanager.restore_version", s.turnVersion)
}

type restoreVersionInput struct {
	Account         string `json:"account" jsonschema:"AWS account of twelve digits that owns the secret"`
	Region          string `json:"region" jsonschema:"region of the secret, as eu-west-1"`
	Secret          string `json:"secret" jsonschema:"name of the secret; no ARN"`
	Version         string `json:"version" jsonschema:"version that the call to undo has made current"`
	PreviousVersion string `json:"previous_version" jsonschema:"version to make current, as the call to undo had found it; if it is the same, nothing is done"`
}

func (s *service) restoreVersion(ctx context.Context, in restoreVersionInput) (versionOutput, error) {
	t, err := s.turnVersion(ctx, in)
	if err != nil {
		return versionOutput{}, err
	}
	out, err := t.do(ctx, s)
	if err != nil {
		return versionOutput{}, err
	}
	version := t.want
	if t.leave != nil {
		version = out.previous
	}
	return versionOutput{Version: version, PreviousVersion: out.previous, Changed: out.changed, Verified: out.verified}, nil
}

var versionForm = regexp.MustCompile(`^[A-Za-z0-9-]{32,64}$`)

func (s *service) turnVersion(ctx context.Context, in restoreVersionInput) (turn[string], error) {
	secret := secretInput{Account: in.Account, Region: in.Region, Secret: in.Secret}
	t := turn[string]{
		call: "restore the version of " + secret.String(), of: secret.String(), property: "current version", say: func(id string) string { return id },
		want: in.PreviousVersion, left: &in.Version, admit: admitReleased,
	}
	switch {
	case !secretForm.MatchString(in.Secret):
		return t, badInput("%s: want the name of a secret, no ARN", t.call)
	case !versionForm.MatchString(in.Version) || !versionForm.MatchString(in.PreviousVersion):
		return t, badInput("%s: version %q, previous_version %q: want ids of 32 to 64 letters, digits and dashes", t.call, in.Version, in.PreviousVersion)
	case in.Version == in.PreviousVersion:
		t.leave = &in.PreviousVersion
	}
	c, err := s.in(ctx, in.Account, in.Region)
	if err != nil {
		return t, err
	}
	what := t.call
	t.read = func(ctx context.Context) (string, error) {
		v, err := readSecret(ctx, c, secret, what)
		if err != nil {
			return "", err
		}
		now := v.at(stageCurrent)
		switch pending := v.underWay(); {
		case pending != "" && now != in.PreviousVersion:
			return "", activities.Permanent("ChangedSince", fmt.Errorf("%s: a rotation is under way since: version %s is pending", what, pending))
		case v.stages[in.PreviousVersion] == nil:
			return "", activities.Permanent("NoSuchVersion", fmt.Errorf("%s: version %s is not kept any more: somebody has rotated it since", what, in.PreviousVersion))
		}
		return now, nil
	}
	t.write = func(ctx context.Context, now string) error { return restoreStage(ctx, c, secret, now, t.want, what) }
	return t, nil
}

// restoreStage makes another version current. A rotation leaves its label on the version that it made, and on one
// that is not current the label would say that a rotation is under way: it goes first.
func restoreStage(ctx context.Context, c *clients, in secretInput, now, want, what string) error {
	v, err := readSecret(ctx, c, in, what)
	if err != nil {
		return err
	}
	if slices.Contains(v.stages[now], stagePending) {
		if err := moveStage(ctx, c, in, stagePending, now, nil, what); err != nil {
			return err
		}
	}
	return moveStage(ctx, c, in, stageCurrent, now, &want, what)
}

// moveStage moves a label off a version. An answer that was lost is asked for again, and is then a refusal, as the
// label is no longer there: what counts is where it is.
func moveStage(ctx context.Context, c *clients, in secretInput, stage, from string, to *string, what string) error {
	_, err := c.SecretsManager().UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: &in.Secret, VersionStage: &stage, RemoveFromVersionId: &from, MoveToVersionId: to,
	})
	if answered(err, "InvalidParameterException") {
		if v, readErr := readSecret(ctx, c, in, what); readErr != nil || v.at(stage) == sdk.ToString(to) {
			return readErr
		}
	}
	if err != nil {
		return failed(err, "%s: move %s", what, stage)
	}
	return nil
}
