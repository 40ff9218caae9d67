package aws

// The names of resources to which permissions are narrowed, for Spec.Scopes, beside those in iam_principal.go and
// s3_policy.go.
var (
	theDetector = []string{"arn:aws:guardduty:{region}:{account}:detector/*"} // an account has one a region
	theTrail    = []string{"arn:aws:cloudtrail:{region}:{account}:trail/{trail}", "{trail}"}
	theInstance = []string{"arn:aws:ec2:{region}:{account}:instance/{instance_id}"}
	theGroup    = []string{"arn:aws:ec2:{region}:{account}:security-group/{group_id}", "arn:aws:ec2:{region}:{account}:security-group-rule/*"}
	anyUser     = []string{"arn:aws:iam::{account}:user/*"}
	anyGroup    = []string{"arn:aws:ec2:{region}:{account}:security-group/*"}
	anySnapshot = []string{"arn:aws:ec2:{region}::snapshot/*"}
	anyNIC      = []string{"arn:aws:ec2:{region}:{account}:network-interface/*"}
	anyVolume   = []string{"arn:aws:ec2:{region}:{account}:volume/*"}
	anyVPC      = []string{"arn:aws:ec2:{region}:{account}:vpc/*"}
)

// onlyIf is the values that a condition key must have, for one permission.
func onlyIf(permission, key string, values ...string) map[string]map[string][]string {
	return map[string]map[string][]string{permission: {key: values}}
}
