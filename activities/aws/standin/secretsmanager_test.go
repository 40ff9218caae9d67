package standin_test

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

const newVersion = "11111111-2222-5333-8444-555555555555"

func rotate(client *secretsmanager.Client, name, token string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := client.RotateSecret(ctx, &secretsmanager.RotateSecretInput{SecretId: &name, ClientRequestToken: &token})
		return err
	}
}

func move(client *secretsmanager.Client, stage, from, to string) func(context.Context) error {
	return func(ctx context.Context) error {
		in := &secretsmanager.UpdateSecretVersionStageInput{SecretId: aws.String(standin.SampleSecret), VersionStage: &stage}
		if from != "" {
			in.RemoveFromVersionId = &from
		}
		if to != "" {
			in.MoveToVersionId = &to
		}
		_, err := client.UpdateSecretVersionStage(ctx, in)
		return err
	}
}

func TestRotateSecret(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	client, ctx := secretsmanager.NewFromConfig(cfg), t.Context()
	stages := func() map[string][]string {
		out, err := client.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String(standin.SampleSecret)})
		require.NoError(t, err)
		require.True(t, *out.RotationEnabled)
		require.Equal(t, "owner", *out.Tags[0].Key)
		return out.VersionIdsToStages
	}
	require.Equal(t, map[string][]string{standin.SampleSecretVersion: {"AWSCURRENT"}, standin.SampleOldVersion: {"AWSPREVIOUS"}}, stages())
	for range 2 {
		require.NoError(t, rotate(client, standin.SampleSecret, newVersion)(ctx))
	}
	require.Equal(t, []string{"AWSPENDING"}, stages()[newVersion], "the first look")
	require.Equal(t, map[string][]string{newVersion: {"AWSCURRENT", "AWSPENDING"}, standin.SampleSecretVersion: {"AWSPREVIOUS"}}, stages(), "the second")
	value, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(standin.SampleSecret)})
	require.NoError(t, err)
	require.Equal(t, newVersion, *value.VersionId)

	// Back again. The label of a rotation under way, on what is not current, is in the way of the next.
	require.NoError(t, move(client, "AWSCURRENT", newVersion, standin.SampleSecretVersion)(ctx))
	require.Equal(t, "InvalidRequestException", code(t, rotate(client, standin.SampleSecret, "22222222-2222-5333-8444-555555555555")(ctx)))
	require.NoError(t, move(client, "AWSPENDING", newVersion, "")(ctx))
	require.Equal(t, map[string][]string{newVersion: {"AWSPREVIOUS"}, standin.SampleSecretVersion: {"AWSCURRENT"}}, stages())
	require.Equal(t, []string{"RotateSecret", "UpdateSecretVersionStage", "UpdateSecretVersionStage"}, changed(s))
}

func TestSecretErrors(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	client := secretsmanager.NewFromConfig(cfg)
	s.Update(func(st *standin.State) {
		st.Accounts[standin.SampleAccount].Regions[standin.SampleRegion].Secrets["fixed"] = &standin.StoredSecret{Suffix: "Ab1cD2", Value: "x"}
	})
	for name, tt := range map[string]struct {
		call func(context.Context) error
		want string
	}{
		"unknown":             {rotate(client, "nobody", newVersion), "ResourceNotFoundException"},
		"no function":         {rotate(client, "fixed", newVersion), "InvalidRequestException"},
		"short token":         {rotate(client, standin.SampleSecret, "short"), "InvalidParameterException"},
		"to no version":       {move(client, "AWSCURRENT", standin.SampleSecretVersion, newVersion), "ResourceNotFoundException"},
		"from another":        {move(client, "AWSCURRENT", standin.SampleOldVersion, standin.SampleOldVersion), "InvalidParameterException"},
		"current is required": {move(client, "AWSCURRENT", standin.SampleSecretVersion, ""), "InvalidParameterException"},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, tt.want, code(t, tt.call(t.Context()))) })
	}
	require.Empty(t, s.Mutations())
}
