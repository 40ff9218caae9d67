// Package standin stands in for AWS: it speaks the wire protocols of the services below over HTTP,
// keeps an account or an [Estate] of hundreds, logs every change, and misbehaves on request.
//
// It serves tests and the local deployment, where playbooks act on something that answers, fails
// and remembers like AWS, without an account. Start one and point the SDK at it:
//
//	s, err := standin.New(standin.Options{File: "aws.json"})
//	http.ListenAndServe("127.0.0.1:4566", s)
//
//	cfg.BaseEndpoint = aws.String("http://127.0.0.1:4566")
//	cfg.Region = standin.SampleRegion
//	cfg.Credentials = credentials.NewStaticCredentialsProvider(standin.SampleAccessKeyID, standin.SampleSecretKey, "")
//
// # What it does
//
//   - sts: GetCallerIdentity, AssumeRole
//   - organizations: DescribeOrganization, ListAccounts, ListAccountsForParent, ListOrganizationalUnitsForParent,
//     ListParents, ListRoots, ListTagsForResource, DescribeOrganizationalUnit, DescribePolicy, ListPoliciesForTarget,
//     AttachPolicy, DetachPolicy, MoveAccount
//   - iam: GetAccountSummary, ListUsers, GetUser, ListUserTags, GetAccessKeyLastUsed, ListAccessKeys, UpdateAccessKey,
//     AttachUserPolicy, DetachUserPolicy, ListAttachedUserPolicies, PutUserPolicy, GetUserPolicy,
//     DeleteUserPolicy, GetRole, PutRolePolicy, GetRolePolicy, DeleteRolePolicy, GenerateCredentialReport,
//     GetCredentialReport, GetAccountPasswordPolicy, GetAccountAuthorizationDetails, ListVirtualMFADevices, ListMFADevices,
//     DeleteAccessKey, GetLoginProfile, CreateLoginProfile, DeleteLoginProfile, ListGroupsForUser, ListUserPolicies, ListRoles,
//     ListRolePolicies, ListAttachedRolePolicies, GenerateServiceLastAccessedDetails, GetServiceLastAccessedDetails
//   - ec2: DescribeInstances, DescribeInstanceAttribute, ModifyInstanceAttribute (the protection against termination alone),
//     StartInstances, StopInstances, TerminateInstances, CopySnapshot, DescribeNetworkInterfaces, ModifyNetworkInterfaceAttribute,
//     DescribeSecurityGroups, DescribeSecurityGroupRules, CreateSecurityGroup, DeleteSecurityGroup, AuthorizeSecurityGroupIngress
//     and Egress, RevokeSecurityGroupIngress and Egress, CreateSnapshots, DescribeSnapshots,
//     DeleteSnapshot, DescribeSnapshotAttribute, ModifySnapshotAttribute, DescribeImages, DescribeImageAttribute,
//     ModifyImageAttribute, DescribeNetworkAcls, CreateNetworkAclEntry, DeleteNetworkAclEntry,
//     CreateTags, DeleteTags, DescribeTags, DescribeVpcs, DescribeFlowLogs, DescribeVolumes,
//     GetEbsEncryptionByDefault, DescribeRegions
//   - autoscaling: DescribeAutoScalingGroups, DescribeAutoScalingInstances, EnterStandby, ExitStandby
//   - elasticloadbalancing (version 2): DescribeTargetGroups, DescribeTargetHealth, DescribeTags, RegisterTargets, DeregisterTargets
//   - rds: DescribeDBInstances, DescribeDBSnapshots, DescribeDBSnapshotAttributes, ModifyDBSnapshotAttribute
//   - s3: ListBuckets, GetPublicAccessBlock, PutPublicAccessBlock, DeletePublicAccessBlock, GetBucketPolicy,
//     PutBucketPolicy, DeleteBucketPolicy, GetBucketPolicyStatus, GetBucketTagging, GetBucketAcl;
//     path-style addresses alone
//   - s3control: GetPublicAccessBlock, PutPublicAccessBlock, DeletePublicAccessBlock, for the account that
//     the header names
//   - guardduty: ListDetectors, GetDetector, ListFindings, GetFindings, ArchiveFindings, UnarchiveFindings
//   - cloudtrail: LookupEvents, DescribeTrails, GetTrail, GetTrailStatus, GetEventSelectors, StartLogging, StopLogging
//   - config: DescribeConfigurationRecorders, DescribeConfigurationRecorderStatus
//   - access-analyzer: ListAnalyzers
//   - account: GetAlternateContact
//   - kms: ListKeys, DescribeKey, GetKeyRotationStatus, ListResourceTags, DisableKey, EnableKey
//   - secretsmanager: GetSecretValue, DescribeSecret, RotateSecret, UpdateSecretVersionStage
//   - ssm: DescribeInstanceInformation, GetDocument, SendCommand to one instance, ListCommands, GetCommandInvocation
//   - lambda: GetFunctionConcurrency, PutFunctionConcurrency, DeleteFunctionConcurrency, ListTags
//   - securityhub: DescribeHub, GetFindings, BatchUpdateFindings, BatchImportFindings
//
// Another action gets the service's own answer to an unknown action. Errors carry the codes, statuses
// and shapes of the real services, spelled as each of them does: a key that nobody knows is
// InvalidClientTokenId to IAM, AuthFailure to EC2, UnrecognizedClientException to GuardDuty.
//
// # Who calls, and where
//
// Service, region and caller are read from the credential scope of the SigV4 Authorization header.
// The signature itself is not verified, nor is the date: whoever can reach the stand-in is let in, so
// it belongs on a loopback address. The access key id selects the caller from
// [State].Callers, and with it the account. The active access keys of IAM users work as well, until
// UpdateAccessKey disables them: a contained key is seen to be contained. AssumeRole gives out sessions
// of roles, which need their token and end by the clock of the stand-in; [Server.Sessions] lists them.
//
// # Who may
//
// What calls with the session of a role may do what the role's policies allow, and the session's
// policy too where it has one: actions, resources and the usual conditions are evaluated, and a deny
// wins. See authorize.go for what a call needs. So may a listed caller that has a policy. Other listed
// callers and the users of the accounts may do everything, whatever policies they have; use a [Deny]
// fault there. Policies of resources count for AssumeRole alone: a role's trust policy.
//
// # State
//
// The state is plain data, see [State] and [Sample]. With [Options].File it is written to disk with
// the mutations before a change is answered, whole and atomically, so the cost of a change grows with
// the log; it is meant for demonstrations and tests, not for years. [Server.Update] changes the world
// behind everyone's back, [Server.State] looks at it.
//
// [Server.Mutations] lists the mutating calls that succeeded since the first start, each with
// Changed: false when it asked for what was already so. [Server.Calls] lists every request of this
// start.
//
// # Time
//
// A snapshot is pending when it is made. The first DescribeSnapshots that shows it still says pending,
// the second says how it ended, so code that polls gets to poll. So it is with the rotation of a secret and
// DescribeSecret, and with a command and GetCommandInvocation, whose third look sees the end. A credential report is there at the
// second GenerateCredentialReport, tells of that moment, and is good for four hours. Nothing else
// happens by itself.
//
// # Misbehaviour
//
// [Server.Inject] takes orders to throttle, refuse, fail, answer from the past, or do the work and
// then hang up. See [FaultKind].
package standin
