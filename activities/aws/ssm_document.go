package aws

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/preview"
)

// A command that collects takes seconds: as many looks are about five minutes, and the next attempt goes on looking.
const (
	commandLooks = 24
	commandFirst = time.Second
	commandMost  = 15 * time.Second
	// commandDelivery is for how many seconds the host may take the command up.
	commandDelivery = 120
	// commandOutput is how many bytes of the output are kept. SSM tells the first 24,000 characters.
	commandOutput = 20_000
)

func (s *service) registerDocument(r *activities.Registry) {
	document := "arn:aws:ssm:{region}:{account}:document/{document}"
	instance := "arn:aws:ec2:{region}:{account}:instance/{instance_id}"
	activities.Register(r, activities.Spec{
		Name:  "aws.ssm.run_document",
		Title: "Collect evidence from a host with a document of Systems Manager",
		Doc: "Runs Countersign-CollectLinux or Countersign-CollectWindows, as root, and keeps the first 20,000 bytes of what they print: parameter Collect is " +
			"processes, connections, logins or persistence. They change nothing, but code runs on a host that may be the attacker's, who may see it and " +
			"answer with anything; that cannot be taken back, so it is a destroy. The account must have the document as activities/aws/documents has it; " +
			"another content is refused. Use it before an isolation, which cuts the host off from Systems Manager.",
		Effect:      activities.Destroy,
		Targets:     []string{"instance_id", "document"},
		Permissions: []string{"ec2:DescribeInstances", "ssm:DescribeInstanceInformation", "ssm:GetDocument", "ssm:ListCommands", "ssm:SendCommand", "ssm:GetCommandInvocation"},
		Scopes:      map[string][]string{"ssm:GetDocument": {document}, "ssm:SendCommand": {document, instance}},
		Timeout:     10 * time.Minute,
		Heartbeat:   time.Minute,
	}, s.runDocument)
	activities.Previews(r, "aws.ssm.run_document", s.previewDocument)
}

type runDocumentInput struct {
	Account    string            `json:"account" jsonschema:"AWS account of twelve digits that the instance is in"`
	Region     string            `json:"region" jsonschema:"region of the instance, as eu-west-1"`
	InstanceID string            `json:"instance_id" jsonschema:"EC2 instance, as i-0123456789abcdef0"`
	Document   string            `json:"document" jsonschema:"Countersign-CollectLinux or Countersign-CollectWindows"`
	Parameters map[string]string `json:"parameters,omitempty" jsonschema:"parameters of the document: Collect is processes (if absent), connections, logins or persistence"`
}

func (in runDocumentInput) instance() instanceInput {
	return instanceInput{Account: in.Account, Region: in.Region, InstanceID: in.InstanceID}
}

type runDocumentOutput struct {
	CommandID string `json:"command_id" jsonschema:"id of the command, under which Systems Manager keeps it for 30 days"`
	Output    string `json:"output" jsonschema:"what it printed; the host says it, and the host may lie"`
	Truncated bool   `json:"truncated" jsonschema:"true if it printed more"`
	Changed   bool   `json:"changed" jsonschema:"false if this step had run it before"`
}

func (s *service) runDocument(ctx context.Context, in runDocumentInput) (runDocumentOutput, error) {
	what := fmt.Sprintf("run document %s on %s", in.Document, in.instance())
	ctx, c, found, err := s.findCommand(ctx, in, what)
	if err != nil {
		return runDocumentOutput{}, err
	}
	first, err := activities.Remember(ctx, found.command)
	if err != nil {
		return runDocumentOutput{}, err
	}
	// A command may be sent, and not be listed yet.
	command := found.command
	if command == "" {
		command = activities.Kept(ctx)
	}
	if command == "" {
		if command, err = sendCommand(ctx, c, in, found, what); err != nil {
			return runDocumentOutput{}, err
		}
		activities.Keep(ctx, command)
	}
	out := runDocumentOutput{CommandID: command, Changed: first == ""}
	wait := commandFirst
	for range commandLooks {
		said, err := invocation(ctx, c, in, command, what)
		if err != nil {
			return runDocumentOutput{}, err
		}
		if said != nil {
			out.Output, out.Truncated = cutOutput(sdk.ToString(said.StandardOutputContent))
			return out, nil
		}
		activities.Heartbeat(ctx, "wait for command "+command)
		if err := s.pause(ctx, wait); err != nil {
			return runDocumentOutput{}, fmt.Errorf("%s: wait for command %s: %w", what, command, err)
		}
		wait = min(2*wait, commandMost)
	}
	return runDocumentOutput{}, activities.Passing("CommandUnderWay", 0, fmt.Errorf("%s: command %s has not ended after %d looks", what, command, commandLooks))
}

func sendCommand(ctx context.Context, c *clients, in runDocumentInput, found foundCommand, what string) (string, error) {
	parameters := map[string][]string{}
	for name, value := range in.Parameters {
		parameters[name] = []string{value}
	}
	out, err := c.SSM().SendCommand(ctx, &ssm.SendCommandInput{
		DocumentName: &in.Document, DocumentVersion: &found.version, InstanceIds: []string{in.InstanceID}, Parameters: parameters,
		Comment: &found.comment, TimeoutSeconds: sdk.Int32(commandDelivery),
	}, func(o *ssm.Options) { o.Retryer = sdk.NopRetryer{} }) // it has no token: asked twice it runs twice
	if err != nil {
		return "", failed(err, "%s", what)
	}
	if out.Command == nil || sdk.ToString(out.Command.CommandId) == "" {
		return "", activities.Passing("NoAnswer", 0, fmt.Errorf("%s: Systems Manager named no command", what))
	}
	return *out.Command.CommandId, nil
}

// invocation is how a command ended; nil: it has not.
func invocation(ctx context.Context, c *clients, in runDocumentInput, command, what string) (*ssm.GetCommandInvocationOutput, error) {
	out, err := c.SSM().GetCommandInvocation(ctx, &ssm.GetCommandInvocationInput{CommandId: &command, InstanceId: &in.InstanceID})
	if answered(err, "InvocationDoesNotExist") {
		return nil, nil // it was only just sent
	}
	if err != nil {
		return nil, failed(err, "%s: look at command %s", what, command)
	}
	switch out.Status {
	case types.CommandInvocationStatusSuccess:
		return out, nil
	case types.CommandInvocationStatusPending, types.CommandInvocationStatusInProgress, types.CommandInvocationStatusDelayed, types.CommandInvocationStatusCancelling:
		return nil, nil
	default:
		said, _ := cutOutput(sdk.ToString(out.StandardErrorContent))
		return nil, activities.Permanent("CommandFailed", fmt.Errorf("%s: command %s ended as %s, exit code %d: %.300q", what, command,
			sdk.ToString(out.StatusDetails), out.ResponseCode, said))
	}
}

// cutOutput cuts text to what is kept, between two characters.
func cutOutput(text string) (string, bool) {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= commandOutput {
		return text, false
	}
	cut := commandOutput
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut], true
}

func (s *service) previewDocument(ctx context.Context, in runDocumentInput) (preview.Preview, error) {
	_, _, found, err := s.findCommand(ctx, in, fmt.Sprintf("preview of document %s on %s", in.Document, in.instance()))
	if err != nil || found.command != "" {
		return unchanged, err
	}
	how := "run"
	if len(in.Parameters) > 0 {
		how += " with " + sayParameters(in.Parameters)
	}
	return shown(preview.Change{Target: in.instance().String(), What: "document " + in.Document, Before: "not run by this step", After: how}), nil
}
