package standin_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

const probe = "Countersign-Probe"

// startSSM serves a stand-in with a document.
func startSSM(t *testing.T) (*standin.Server, *ssm.Client) {
	t.Helper()
	s, cfg := start(t, standin.Options{})
	s.Update(func(st *standin.State) {
		st.Accounts[standin.SampleAccount].Regions[standin.SampleRegion].Documents = map[string]*standin.Document{probe: {Version: "3", Content: "{}"}}
	})
	return s, ssm.NewFromConfig(cfg)
}

func TestCommands(t *testing.T) {
	s, client := startSSM(t)
	ctx := t.Context()
	hosts, err := client.DescribeInstanceInformation(ctx, &ssm.DescribeInstanceInformationInput{
		Filters: []types.InstanceInformationStringFilter{{Key: aws.String("InstanceIds"), Values: []string{standin.SampleInstance}}},
	})
	require.NoError(t, err)
	require.Equal(t, types.PingStatusOnline, hosts.InstanceInformationList[0].PingStatus)
	require.Equal(t, types.PlatformTypeLinux, hosts.InstanceInformationList[0].PlatformType)
	document, err := client.GetDocument(ctx, &ssm.GetDocumentInput{Name: aws.String(probe)})
	require.NoError(t, err)
	require.Equal(t, "3", *document.DocumentVersion)
	require.Equal(t, "{}", *document.Content)

	send := func(comment string) string {
		out, err := client.SendCommand(ctx, &ssm.SendCommandInput{
			DocumentName: aws.String(probe), DocumentVersion: aws.String("3"), InstanceIds: []string{standin.SampleInstance}, Comment: &comment,
			Parameters: map[string][]string{"Collect": {"logins"}},
		})
		require.NoError(t, err)
		return *out.Command.CommandId
	}
	first := send("one")
	require.NotEqual(t, first, send("one"), "asked twice it runs twice")

	var listed []types.Command
	pages := ssm.NewListCommandsPaginator(client, &ssm.ListCommandsInput{
		InstanceId: aws.String(standin.SampleInstance), MaxResults: aws.Int32(1),
		Filters: []types.CommandFilter{{Key: types.CommandFilterKeyDocumentName, Value: aws.String(probe)}, {Key: types.CommandFilterKeyInvokedAfter, Value: aws.String("2026-11-23T09:00:00Z")}},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		require.NoError(t, err)
		listed = append(listed, page.Commands...)
	}
	require.Len(t, listed, 2)
	require.Equal(t, "one", *listed[0].Comment)
	require.Equal(t, map[string][]string{"Collect": {"logins"}}, listed[0].Parameters)

	var statuses []types.CommandInvocationStatus
	for range 3 {
		out, err := client.GetCommandInvocation(ctx, &ssm.GetCommandInvocationInput{CommandId: &first, InstanceId: aws.String(standin.SampleInstance)})
		require.NoError(t, err)
		statuses = append(statuses, out.Status)
		if out.Status == types.CommandInvocationStatusSuccess {
			require.Contains(t, *out.StandardOutputContent, "xmrig")
			require.Zero(t, out.ResponseCode)
		}
	}
	require.Equal(t, []types.CommandInvocationStatus{"Pending", "InProgress", "Success"}, statuses)
	require.Equal(t, []string{"SendCommand", "SendCommand"}, changed(s))
}

func TestCommandErrors(t *testing.T) {
	s, client := startSSM(t)
	send := func(document, version, instance, comment string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := client.SendCommand(ctx, &ssm.SendCommandInput{DocumentName: &document, DocumentVersion: &version, InstanceIds: []string{instance}, Comment: &comment})
			return err
		}
	}
	for name, tt := range map[string]struct {
		call func(context.Context) error
		want string
	}{
		"no document":      {send("Nobody", "1", standin.SampleInstance, ""), "InvalidDocument"},
		"no such version":  {send(probe, "4", standin.SampleInstance, ""), "InvalidDocumentVersion"},
		"no agent":         {send(probe, "3", "i-00000000000000000", ""), "InvalidInstanceId"},
		"too long comment": {send(probe, "3", standin.SampleInstance, strings.Repeat("x", 101)), "ValidationException"},
		"no command": {func(ctx context.Context) error {
			_, err := client.GetCommandInvocation(ctx, &ssm.GetCommandInvocationInput{CommandId: aws.String("00000000-0000-4000-8000-000000000000"), InstanceId: aws.String(standin.SampleInstance)})
			return err
		}, "InvocationDoesNotExist"},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, tt.want, code(t, tt.call(t.Context()))) })
	}
	require.Empty(t, s.Mutations())
}
