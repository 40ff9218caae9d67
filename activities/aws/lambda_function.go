package aws

import (
	"context"
	"fmt"
	"regexp"
	"strconv"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/countersign/countersign/activities"
)

const functionARN = "arn:aws:lambda:{region}:{account}:function:{function}"

func (s *service) registerFunction(r *activities.Registry) {
	activities.Register(r, activities.Spec{
		Name:  "aws.lambda.freeze_function",
		Title: "Freeze a Lambda function",
		Doc: "Sets the function's reserved concurrency to 0, so that no new call of it begins; calls that run go on to their end. Callers get an " +
			"error, queues and streams that feed it wait, and asynchronous events are kept for up to 6 hours and then dropped.",
		Effect:      activities.Change,
		Undo:        "aws.lambda.unfreeze_function",
		Targets:     []string{"function"},
		Permissions: []string{"lambda:GetFunctionConcurrency", "lambda:ListTags", "lambda:PutFunctionConcurrency"},
		Scopes: map[string][]string{
			"lambda:GetFunctionConcurrency": {functionARN}, "lambda:ListTags": {functionARN}, "lambda:PutFunctionConcurrency": {functionARN},
		},
		Timeout: iamTimeout,
	}, s.freezeFunction)
	activities.Register(r, activities.Spec{
		Name:  "aws.lambda.unfreeze_function",
		Title: "Give a frozen Lambda function back the concurrency it had",
		Doc: "A function that had none reserved gets none. One whose reserved concurrency is no longer 0 is refused: somebody has decided since. " +
			"What was reserved may be taken by other functions meanwhile; AWS then refuses to reserve it again.",
		Effect:      activities.Change,
		Undo:        "aws.lambda.freeze_function",
		Targets:     []string{"function"},
		Permissions: []string{"lambda:GetFunctionConcurrency", "lambda:PutFunctionConcurrency", "lambda:DeleteFunctionConcurrency"},
		Scopes: map[string][]string{
			"lambda:GetFunctionConcurrency": {functionARN}, "lambda:PutFunctionConcurrency": {functionARN}, "lambda:DeleteFunctionConcurrency": {functionARN},
		},
		Timeout: iamTimeout,
	}, s.unfreezeFunction)
	previewTurn(r, "aws.lambda.freeze_function", s.turnFreeze)
	previewTurn(r, "aws.lambda.unfreeze_function", s.turnUnfreeze)
}

// concurrency is what is reserved for a function: nothing is not the same as 0, with which it does not run.
type concurrency struct {
	Reserved   bool `json:"reserved" jsonschema:"false if the function shares what the account has"`
	Executions int  `json:"executions" jsonschema:"how many calls may run at once; 0 if reserved is false"`
}

// maxExecutions is more than AWS gives an account.
const maxExecutions = 1_000_000

var frozen = concurrency{Reserved: true}

func (c concurrency) say() string {
	if !c.Reserved {
		return "none"
	}
	return strconv.Itoa(c.Executions)
}

type freezeFunctionInput struct {
	Account             string       `json:"account" jsonschema:"AWS account of twelve digits that owns the function"`
	Region              string       `json:"region" jsonschema:"region of the function, as eu-west-1"`
	Function            string       `json:"function" jsonschema:"name of the function; no ARN, no version"`
	PreviousConcurrency *concurrency `json:"previous_concurrency,omitempty" jsonschema:"set when undoing: what the call to undo had found; if that was not frozen, nothing is done"`
}

type unfreezeFunctionInput struct {
	Account             string      `json:"account" jsonschema:"AWS account of twelve digits that owns the function"`
	Region              string      `json:"region" jsonschema:"region of the function, as eu-west-1"`
	Function            string      `json:"function" jsonschema:"name of the function; no ARN, no version"`
	PreviousConcurrency concurrency `json:"previous_concurrency" jsonschema:"what to reserve, as the call to undo had found it; if it had found the function frozen, nothing is done"`
}

type functionOutput struct {
	PreviousConcurrency concurrency `json:"previous_concurrency" jsonschema:"what was reserved before"`
	Changed             bool        `json:"changed" jsonschema:"false if it already was so"`
	Verified            bool        `json:"verified" jsonschema:"true if it was read back as it should be"`
}

func (s *service) freezeFunction(ctx context.Context, in freezeFunctionInput) (functionOutput, error) {
	t, err := s.turnFreeze(ctx, in)
	return s.turnedFunction(ctx, t, err)
}

func (s *service) unfreezeFunction(ctx context.Context, in unfreezeFunctionInput) (functionOutput, error) {
	t, err := s.turnUnfreeze(ctx, in)
	return s.turnedFunction(ctx, t, err)
}

func (s *service) turnedFunction(ctx context.Context, t turn[concurrency], err error) (functionOutput, error) {
	if err != nil {
		return functionOutput{}, err
	}
	out, err := t.do(ctx, s)
	if err != nil {
		return functionOutput{}, err
	}
	return functionOutput{PreviousConcurrency: out.previous, Changed: out.changed, Verified: out.verified}, nil
}

func (s *service) turnFreeze(ctx context.Context, in freezeFunctionInput) (turn[concurrency], error) {
	t, c, err := s.turnFunction(ctx, "freeze", in.Account, in.Region, in.Function, frozen)
	if err != nil {
		return t, err
	}
	if in.PreviousConcurrency != nil && *in.PreviousConcurrency != frozen {
		t.leave = in.PreviousConcurrency
	}
	t.admit = func(ctx context.Context) (context.Context, error) {
		arn := "arn:aws:lambda:" + in.Region + ":" + in.Account + ":function:" + in.Function
		out, err := c.Lambda().ListTags(ctx, &lambda.ListTagsInput{Resource: &arn})
		if err != nil {
			return nil, failed(err, "%s: read its tags", t.call)
		}
		return s.clear(ctx, c, t.call, thing{arn: arn, tags: out.Tags})
	}
	return t, nil
}

func (s *service) turnUnfreeze(ctx context.Context, in unfreezeFunctionInput) (turn[concurrency], error) {
	t, _, err := s.turnFunction(ctx, "unfreeze", in.Account, in.Region, in.Function, in.PreviousConcurrency)
	if err != nil {
		return t, err
	}
	if n := in.PreviousConcurrency.Executions; n < 0 || n > maxExecutions || n > 0 && !in.PreviousConcurrency.Reserved {
		return t, badInput("%s: previous_concurrency of %d executions, reserved %t", t.call, n, in.PreviousConcurrency.Reserved)
	}
	t.left, t.admit = &frozen, admitReleased
	if t.want == frozen {
		t.leave = &t.want
	}
	return t, nil
}

var functionForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func (s *service) turnFunction(ctx context.Context, verb, account, region, function string, want concurrency) (turn[concurrency], *clients, error) {
	of := fmt.Sprintf("Lambda function %s in account %s, %s", function, account, region)
	t := turn[concurrency]{call: verb + " " + of, of: of, want: want, property: "reserved concurrency", say: concurrency.say}
	if !functionForm.MatchString(function) {
		return t, nil, badInput("%s: want the name of a function, without ARN and version", t.call)
	}
	c, err := s.in(ctx, account, region)
	if err != nil {
		return t, nil, err
	}
	what := t.call
	t.read = func(ctx context.Context) (concurrency, error) {
		out, err := c.Lambda().GetFunctionConcurrency(ctx, &lambda.GetFunctionConcurrencyInput{FunctionName: &function})
		switch {
		case err != nil:
			return concurrency{}, failed(err, "%s: read its concurrency", what)
		case out.ReservedConcurrentExecutions == nil:
			return concurrency{}, nil
		default:
			return concurrency{Reserved: true, Executions: int(*out.ReservedConcurrentExecutions)}, nil
		}
	}
	t.write = func(ctx context.Context, _ concurrency) error {
		var err error
		if want.Reserved {
			_, err = c.Lambda().PutFunctionConcurrency(ctx, &lambda.PutFunctionConcurrencyInput{
				FunctionName: &function, ReservedConcurrentExecutions: sdk.Int32(int32(want.Executions)), //nolint:gosec // bounded above
			})
		} else {
			_, err = c.Lambda().DeleteFunctionConcurrency(ctx, &lambda.DeleteFunctionConcurrencyInput{FunctionName: &function})
		}
		if err != nil {
			return failed(err, "%s", what)
		}
		return nil
	}
	return t, c, nil
}
