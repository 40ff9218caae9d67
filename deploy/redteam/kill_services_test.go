package redteam

import "github.com/countersign/countersign/activities/aws/standin"

const (
	kmsKeyInput = `{"account":"111122223333","region":"us-east-1","key_id":"1234abcd-12ab-34cd-56ef-1234567890ab"}`
	hubInput    = `{"account":"111122223333","region":"us-east-1","product_arn":"` + standin.SampleHubProduct + `","status":"SUPPRESSED","note":"case 7",` +
		`"finding_ids":["` + standin.SampleHubFinding + `","` + standin.SampleHubOther + `"]}`
	secretInput   = `{"account":"111122223333","region":"us-east-1","secret":"payments/database"}`
	documentInput = `{"account":"111122223333","region":"us-east-1","instance_id":"i-0abc123def4567890","document":"Countersign-CollectLinux","parameters":{"Collect":"logins"}}`
	freezeInput   = `{"account":"111122223333","target_account":"555566667777","policy_id":"p-freeze0000"}`
	unitInput     = `{"account":"111122223333","target_account":"555566667777","unit_id":"ou-ab12-quarantin"}`
	functionInput = `{"account":"111122223333","region":"us-east-1","function":"payments-webhook"}`
)

var servicesEffects = []effect{
	{name: "aws.kms.disable_key", input: kmsKeyInput, sent: "TrentService.DisableKey"},
	{name: "aws.kms.enable_key", after: "aws.kms.disable_key", input: kmsKeyInput, sent: "TrentService.EnableKey"},
	{name: "aws.lambda.freeze_function", input: functionInput, sent: "PUT /2017-10-31/functions/payments-webhook/concurrency"},
	{name: "aws.lambda.unfreeze_function", after: "aws.lambda.freeze_function", input: functionInput, sent: "PUT /2017-10-31/functions/payments-webhook/concurrency"},
	{name: "aws.securityhub.set_workflow", input: hubInput, sent: "PATCH /findings/batchupdate"},
	{name: "aws.securityhub.restore_workflow", after: "aws.securityhub.set_workflow", input: hubInput, sent: "PATCH /findings/batchupdate"},
	{name: "aws.secretsmanager.rotate_secret", input: secretInput, sent: "secretsmanager.RotateSecret"},
	{name: "aws.secretsmanager.restore_version", after: "aws.secretsmanager.rotate_secret", input: secretInput, sent: "secretsmanager.UpdateSecretVersionStage"},
	{name: "aws.ssm.run_document", input: documentInput, sent: "AmazonSSM.SendCommand"},
	{name: "aws.organizations.freeze_account", input: freezeInput, sent: "AWSOrganizationsV20161128.AttachPolicy"},
	{name: "aws.organizations.unfreeze_account", after: "aws.organizations.freeze_account", input: freezeInput, sent: "AWSOrganizationsV20161128.DetachPolicy"},
	{name: "aws.organizations.quarantine_account", input: unitInput, sent: "AWSOrganizationsV20161128.MoveAccount"},
	{name: "aws.organizations.release_account", after: "aws.organizations.quarantine_account", input: unitInput, sent: "AWSOrganizationsV20161128.MoveAccount"},
}
