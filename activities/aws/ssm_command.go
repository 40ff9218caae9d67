package aws

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/countersign/countersign/activities"
)

const (
	// commandComment is how many characters SSM takes of a comment.
	commandComment = 100
	// commandPages bounds the search for a command that was sent, 50 to a page.
	commandPages = 10
	// commandSince is how long before the step a command is looked for: the clocks need not agree.
	commandSince = time.Hour
)

// foundCommand is what is there before a document is run.
type foundCommand struct {
	// command is what this step has sent before; "": nothing that is listed.
	command string
	// version of the document that reads as ours; no other content can ever be under its number.
	version string
	comment string
}

// commandName is the comment by which a command of this step is known again: SendCommand has no token.
func commandName(ctx context.Context, in runDocumentInput) string {
	info := activities.InfoFrom(ctx)
	key := "countersign " + rotationToken(ctx, in.Account+" "+in.Region+" "+in.InstanceID+" "+in.Document+" "+sayParameters(in.Parameters))
	readable := commandOdd.ReplaceAllString(info.Run+"/"+info.Step, "_")
	return key + " " + readable[:min(len(readable), commandComment-len(key)-1)]
}

var (
	commandOdd   = regexp.MustCompile(`[^A-Za-z0-9_./:-]`)
	instanceForm = regexp.MustCompile(`^i-[0-9a-f]{8,17}$`)
)

// findCommand is what both the effect and its preview look at first.
func (s *service) findCommand(ctx context.Context, in runDocumentInput, what string) (_ context.Context, c *clients, found foundCommand, err error) {
	document, err := findDocument(in.Document, in.Parameters)
	switch {
	case err != nil:
		return ctx, nil, found, badInput("%s: %w", what, err)
	case !instanceForm.MatchString(in.InstanceID):
		return ctx, nil, found, badInput("%s: instance %q: want i- and hexadecimal digits", what, in.InstanceID)
	case activities.InfoFrom(ctx).Run == "":
		return ctx, nil, found, activities.Permanent("NoStep", fmt.Errorf("%s: no step to name the command by: only a step of a run may call it", what))
	}
	if c, err = s.in(ctx, in.Account, in.Region); err != nil {
		return ctx, nil, found, err
	}
	instance, err := findInstance(ctx, c, in.instance(), what)
	if err != nil {
		return ctx, nil, found, err
	}
	tags := map[string]string{}
	for _, tag := range instance.Tags {
		tags[sdk.ToString(tag.Key)] = sdk.ToString(tag.Value)
	}
	arn := "arn:aws:ec2:" + in.Region + ":" + in.Account + ":instance/" + in.InstanceID
	if ctx, err = s.clear(ctx, c, what, thing{arn: arn, tags: tags}); err != nil {
		return ctx, nil, found, err
	}
	if found.version, err = ourDocument(ctx, c, in, document, what); err != nil {
		return ctx, nil, found, err
	}
	found.comment = commandName(ctx, in)
	if found.command, err = sentBefore(ctx, c, in, found.comment, what); err != nil || found.command != "" {
		return ctx, c, found, err
	}
	return ctx, c, found, reachable(ctx, c, in, document, what)
}

// ourDocument finds the version of a document to run, which must read as ours.
func ourDocument(ctx context.Context, c *clients, in runDocumentInput, document hostDocument, what string) (string, error) {
	out, err := c.SSM().GetDocument(ctx, &ssm.GetDocumentInput{Name: &in.Document})
	if err != nil {
		return "", failed(err, "%s: read the document", what)
	}
	if !document.same(in.Document, sdk.ToString(out.Content)) {
		return "", activities.Permanent("OtherDocument", fmt.Errorf("%s: the document of that name in the account is not ours: make it anew from activities/aws/documents", what))
	}
	return sdk.ToString(out.DocumentVersion), nil
}

// sentBefore finds the command that an attempt of this step has sent.
func sentBefore(ctx context.Context, c *clients, in runDocumentInput, comment, what string) (string, error) {
	filters := []types.CommandFilter{{Key: types.CommandFilterKeyDocumentName, Value: &in.Document}}
	if at := activities.InfoFrom(ctx).Scheduled; !at.IsZero() {
		filters = append(filters, types.CommandFilter{Key: types.CommandFilterKeyInvokedAfter, Value: sdk.String(at.Add(-commandSince).UTC().Format("2006-01-02T15:04:05Z"))})
	}
	pages := ssm.NewListCommandsPaginator(c.SSM(), &ssm.ListCommandsInput{InstanceId: &in.InstanceID, Filters: filters, MaxResults: sdk.Int32(50)})
	key := strings.Join(strings.SplitN(comment, " ", 3)[:2], " ") + " "
	for n := 0; pages.HasMorePages(); n++ {
		if n == commandPages {
			return "", activities.Permanent("TooManyCommands", fmt.Errorf("%s: more than %d commands to look through for one that was sent", what, 50*commandPages))
		}
		page, err := pages.NextPage(ctx)
		if err != nil {
			return "", failed(err, "%s: look whether it was sent before", what)
		}
		for _, command := range page.Commands {
			if strings.HasPrefix(sdk.ToString(command.Comment), key) {
				return sdk.ToString(command.CommandId), nil
			}
		}
	}
	return "", nil
}

// reachable refuses a host that the command would not reach.
func reachable(ctx context.Context, c *clients, in runDocumentInput, document hostDocument, what string) error {
	out, err := c.SSM().DescribeInstanceInformation(ctx, &ssm.DescribeInstanceInformationInput{
		Filters: []types.InstanceInformationStringFilter{{Key: sdk.String("InstanceIds"), Values: []string{in.InstanceID}}},
	})
	if err != nil {
		return failed(err, "%s: ask for its agent", what)
	}
	for _, host := range out.InstanceInformationList {
		switch {
		case sdk.ToString(host.InstanceId) != in.InstanceID:
		case host.PlatformType != document.platform:
			return activities.Permanent("OtherPlatform", fmt.Errorf("%s: the host is %s, the document is for %s", what, host.PlatformType, document.platform))
		case host.PingStatus != types.PingStatusOnline:
			return activities.Passing("NotOnline", 0, fmt.Errorf("%s: the agent of the host is %s", what, host.PingStatus))
		default:
			return nil
		}
	}
	return activities.Permanent("NotManaged", fmt.Errorf("%s: Systems Manager does not know the host: it has no agent, or no role for it", what))
}
