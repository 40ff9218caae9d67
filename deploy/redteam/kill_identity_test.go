package redteam

const (
	consoleInput = `{"account":"111122223333","user":"billing-admin"}`
	accountInput = `{"account":"111122223333"}`
)

var identityEffects = []effect{
	{
		name: "aws.iam.delete_access_key", sent: "Action=DeleteAccessKey&",
		input: `{"account":"111122223333","user":"ci-deployer","access_key_id":"AKIAI44QH8DHBEXAMPLE"}`,
	},
	{name: "aws.iam.block_console", input: consoleInput, sent: "Action=DeleteLoginProfile&"},
	{name: "aws.iam.restore_console", after: "aws.iam.block_console", input: consoleInput, sent: "Action=CreateLoginProfile&"},
	{name: "aws.iam.quarantine_user", input: userInput, sent: "Action=PutUserPolicy&"},
	{name: "aws.iam.release_user", after: "aws.iam.quarantine_user", input: userInput, sent: "Action=DeleteUserPolicy&"},
	{name: "aws.iam.quarantine_role", input: roleInput, sent: "Action=PutRolePolicy&"},
	{name: "aws.iam.release_role", after: "aws.iam.quarantine_role", input: roleInput, sent: "Action=DeleteRolePolicy&"},
	{name: "aws.s3.block_account_public_access", input: accountInput, sent: "PUT /v20180820/configuration/publicAccessBlock"},
	{
		name: "aws.s3.restore_account_public_access", after: "aws.s3.block_account_public_access", input: accountInput,
		sent: "DELETE /v20180820/configuration/publicAccessBlock",
	},
	{name: "aws.s3.deny_bucket_access", input: bucketInput, sent: "PUT /example-payments-exports?policy"},
	{name: "aws.s3.restore_bucket_policy", after: "aws.s3.deny_bucket_access", input: bucketInput, sent: "PUT /example-payments-exports?policy"},
}
