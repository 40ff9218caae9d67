package redteam

const (
	kmsKeyInput   = `{"account":"111122223333","region":"us-east-1","key_id":"1234abcd-12ab-34cd-56ef-1234567890ab"}`
	functionInput = `{"account":"111122223333","region":"us-east-1","function":"payments-webhook"}`
)

var servicesEffects = []effect{
	{name: "aws.kms.disable_key", input: kmsKeyInput, sent: "TrentService.DisableKey"},
	{name: "aws.kms.enable_key", after: "aws.kms.disable_key", input: kmsKeyInput, sent: "TrentService.EnableKey"},
	{name: "aws.lambda.freeze_function", input: functionInput, sent: "PUT /2017-10-31/functions/payments-webhook/concurrency"},
	{name: "aws.lambda.unfreeze_function", after: "aws.lambda.freeze_function", input: functionInput, sent: "PUT /2017-10-31/functions/payments-webhook/concurrency"},
}
