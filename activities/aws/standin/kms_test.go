package standin_test

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

const keyARN = "arn:aws:kms:us-east-1:111122223333:key/" + standin.SampleKey

func TestKeys(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	client, ctx := kms.NewFromConfig(cfg), t.Context()
	var listed []string
	pages := kms.NewListKeysPaginator(client, &kms.ListKeysInput{Limit: aws.Int32(1)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		require.NoError(t, err)
		for _, k := range page.Keys {
			listed = append(listed, *k.KeyId)
		}
	}
	require.Equal(t, []string{standin.SampleManagedKey, standin.SampleKey}, listed)

	describe := func(id string) *types.KeyMetadata {
		out, err := client.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &id})
		require.NoError(t, err)
		return out.KeyMetadata
	}
	key := describe(standin.SampleKey)
	require.Equal(t, keyARN, *key.Arn)
	require.Equal(t, types.KeyManagerTypeCustomer, key.KeyManager)
	require.Equal(t, types.KeySpecSymmetricDefault, key.KeySpec)
	require.Equal(t, types.OriginTypeAwsKms, key.Origin)
	require.True(t, key.CreationDate.Equal(time.Date(2026, time.January, 12, 8, 30, 0, 0, time.UTC)))
	require.Equal(t, types.KeyManagerTypeAws, describe(standin.SampleManagedKey).KeyManager)

	for id, want := range map[string]bool{standin.SampleKey: false, standin.SampleManagedKey: true} {
		out, err := client.GetKeyRotationStatus(ctx, &kms.GetKeyRotationStatusInput{KeyId: &id})
		require.NoError(t, err)
		require.Equal(t, want, out.KeyRotationEnabled)
	}
	tags, err := client.ListResourceTags(ctx, &kms.ListResourceTagsInput{KeyId: aws.String(standin.SampleKey)})
	require.NoError(t, err)
	require.Equal(t, []types.Tag{{TagKey: aws.String("owner"), TagValue: aws.String("payments@example.com")}}, tags.Tags)

	for range 2 {
		_, err = client.DisableKey(ctx, &kms.DisableKeyInput{KeyId: aws.String(keyARN)})
		require.NoError(t, err)
	}
	require.Equal(t, types.KeyStateDisabled, describe(standin.SampleKey).KeyState)
	require.False(t, describe(standin.SampleKey).Enabled)
	_, err = client.EnableKey(ctx, &kms.EnableKeyInput{KeyId: aws.String(standin.SampleKey)})
	require.NoError(t, err)
	require.Equal(t, types.KeyStateEnabled, describe(keyARN).KeyState)
	require.Equal(t, []string{"DisableKey", "EnableKey"}, changed(s))
}

func TestKeyErrors(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	client := kms.NewFromConfig(cfg)
	const waiting, asymmetric = "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"
	s.Update(func(st *standin.State) {
		keys := st.Accounts[standin.SampleAccount].Regions[standin.SampleRegion].Keys
		keys[waiting] = &standin.Key{Deletion: &now}
		keys[asymmetric] = &standin.Key{Spec: "RSA_2048", Usage: "SIGN_VERIFY"}
	})
	disable := func(id string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := client.DisableKey(ctx, &kms.DisableKeyInput{KeyId: &id})
			return err
		}
	}
	rotation := func(id string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := client.GetKeyRotationStatus(ctx, &kms.GetKeyRotationStatusInput{KeyId: &id})
			return err
		}
	}
	for name, tt := range map[string]struct {
		call func(context.Context) error
		want string
	}{
		"unknown":            {disable("11111111-1111-1111-1111-111111111111"), "NotFoundException"},
		"odd":                {disable("alias"), "NotFoundException"},
		"another account's":  {disable("arn:aws:kms:us-east-1:444455556666:key/" + standin.SampleKey), "NotFoundException"},
		"managed by AWS":     {disable(standin.SampleManagedKey), "AccessDeniedException"},
		"waits for deletion": {disable(waiting), "KMSInvalidStateException"},
		"rotation of that":   {rotation(waiting), "KMSInvalidStateException"},
		"asymmetric":         {rotation(asymmetric), "UnsupportedOperationException"},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, tt.want, code(t, tt.call(t.Context()))) })
	}
	require.Empty(t, s.Mutations())
	_, err := client.ListKeys(t.Context(), &kms.ListKeysInput{Limit: aws.Int32(5000)})
	require.Equal(t, "ValidationException", code(t, err))
}
