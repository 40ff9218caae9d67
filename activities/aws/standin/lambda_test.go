package standin_test

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

func TestFunctionConcurrency(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	client, ctx := lambda.NewFromConfig(cfg), t.Context()
	reserved := func() *int32 {
		out, err := client.GetFunctionConcurrency(ctx, &lambda.GetFunctionConcurrencyInput{FunctionName: aws.String(standin.SampleFunction)})
		require.NoError(t, err)
		return out.ReservedConcurrentExecutions
	}
	put := func(name string, n int32) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := client.PutFunctionConcurrency(ctx, &lambda.PutFunctionConcurrencyInput{FunctionName: &name, ReservedConcurrentExecutions: &n})
			return err
		}
	}
	require.EqualValues(t, 25, *reserved())
	for range 2 {
		require.NoError(t, put(standin.SampleFunction, 0)(ctx))
	}
	require.EqualValues(t, 0, *reserved())
	for range 2 {
		_, err := client.DeleteFunctionConcurrency(ctx, &lambda.DeleteFunctionConcurrencyInput{FunctionName: aws.String(standin.SampleFunction)})
		require.NoError(t, err)
	}
	require.Nil(t, reserved())
	require.Equal(t, []string{"PutFunctionConcurrency", "DeleteFunctionConcurrency"}, changed(s))

	tags, err := client.ListTags(ctx, &lambda.ListTagsInput{Resource: aws.String("arn:aws:lambda:us-east-1:111122223333:function:" + standin.SampleFunction)})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"owner": "payments@example.com"}, tags.Tags)

	for name, tt := range map[string]struct {
		call func(context.Context) error
		want string
	}{
		"unknown":  {put("nobody", 1), "ResourceNotFoundException"},
		"negative": {put(standin.SampleFunction, -1), "InvalidParameterValueException"},
		"too many": {put(standin.SampleFunction, 901), "InvalidParameterValueException"},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, tt.want, code(t, tt.call(t.Context()))) })
	}
}
