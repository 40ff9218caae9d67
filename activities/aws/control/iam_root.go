package control

import (
	"context"
	"strconv"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/countersign/countersign/activities/finding"
)

// rootUseDays is how long the root user must have rested.
const rootUseDays = 30

var rootKey = &check{
	Control: finding.Control{
		ID: "IAM.4", Title: "The root user has no access keys", Severity: finding.Critical,
		Remedy:    "Sign in as the root user, find what uses its keys, give that a role, and delete the keys.",
		Standards: []string{cis("3.0.0", "1.4")},
	},
	permissions: []string{"iam:GetAccountSummary"},
	look: func(ctx context.Context, f *facts) ([]seen, error) {
		of, err := f.summary(ctx)
		if err != nil {
			return nil, err
		}
		keys, said := of["AccountAccessKeysPresent"]
		if !said { // what is not said is not none
			return []seen{{resource: f.whole(), status: finding.Error, evidence: map[string]string{"code": "NotSaid"}}}, nil
		}
		return []seen{verdict(f.whole(), keys == 0, count("AccountAccessKeysPresent", keys))}, nil
	},
}

var rootMFA = &check{
	Control: finding.Control{
		ID: "IAM.9", Title: "The root user signs in with a second factor", Severity: finding.Critical,
		Remedy:    "Sign in as the root user and register a second factor, or take its credentials away from the management account.",
		Standards: []string{cis("3.0.0", "1.5")},
	},
	permissions: []string{"iam:GetAccountSummary"},
	look: func(ctx context.Context, f *facts) ([]seen, error) {
		of, err := f.summary(ctx)
		if err != nil || !signsIn(of) {
			return nil, err
		}
		return []seen{verdict(f.whole(), of["AccountMFAEnabled"] > 0, count("AccountMFAEnabled", of["AccountMFAEnabled"]))}, nil
	},
}

var rootHardwareMFA = &check{
	Control: finding.Control{
		ID: "IAM.6", Title: "The root user's second factor is a device of its own", Severity: finding.Critical,
		Remedy:    "Register a hardware key for the root user and remove the virtual device.",
		Standards: []string{cis("3.0.0", "1.6")},
	},
	permissions: []string{"iam:GetAccountSummary", "iam:ListVirtualMFADevices"},
	look: func(ctx context.Context, f *facts) ([]seen, error) {
		of, err := f.summary(ctx)
		if err != nil || !signsIn(of) {
			return nil, err
		}
		device, err := f.rootVirtualMFA(ctx)
		if err != nil {
			return nil, err
		}
		evidence := count("AccountMFAEnabled", of["AccountMFAEnabled"])
		if device != "" {
			evidence["SerialNumber"] = device
		}
		return []seen{verdict(f.whole(), of["AccountMFAEnabled"] > 0 && device == "", evidence)}, nil
	},
}

var rootUse = &check{
	Control: finding.Control{
		ID: "Countersign.RootUse", Title: "Nobody used the root user in the last 30 days", Severity: finding.High,
		Remedy:    "Find in CloudTrail what the root user did and who it was; give people roles for what they did with it.",
		Playbook:  "aws-root-use",
		Standards: []string{cis("3.0.0", "1.7")},
	},
	permissions: []string{"iam:GenerateCredentialReport", "iam:GetCredentialReport"},
	look: func(ctx context.Context, f *facts) ([]seen, error) {
		report, err := f.credentialReport(ctx)
		if err != nil {
			return nil, err
		}
		root, used := report.root, false
		for _, column := range []string{"password_last_used", "access_key_1_last_used_date", "access_key_2_last_used_date"} {
			if _, said := root[column]; !said {
				return []seen{{resource: f.whole(), status: finding.Error, evidence: map[string]string{"code": "NotSaid", "column": column}}}, nil
			}
			if at, ok := root.time(column); ok && f.days(at) < rootUseDays {
				used = true
			}
		}
		return []seen{verdict(f.whole(), !used, report.evidence(root, "password_last_used", "access_key_1_last_used_date", "access_key_2_last_used_date"))}, nil
	},
}

func count(name string, n int32) map[string]string {
	return map[string]string{name: strconv.Itoa(int(n))}
}

// signsIn reports whether the root user has a password at all. An organization can take those of its
// members away; then there is nothing that a second factor would guard. An account that does not say
// has one.
func signsIn(summary map[string]int32) bool {
	passwords, said := summary[string(types.SummaryKeyTypeAccountPasswordPresent)]
	return !said || passwords > 0 || summary["AccountMFAEnabled"] > 0
}

// summary is the account's summary.
func (f *facts) summary(ctx context.Context) (map[string]int32, error) {
	return read(ctx, f, "account summary", func(ctx context.Context) (map[string]int32, error) {
		out, err := f.c.IAM().GetAccountSummary(ctx, &iam.GetAccountSummaryInput{})
		if err != nil {
			return nil, f.failed(err, "iam:GetAccountSummary")
		}
		return out.SummaryMap, nil
	})
}

// rootVirtualMFA is the serial number of a virtual device of the root user; "" is none.
func (f *facts) rootVirtualMFA(ctx context.Context) (string, error) {
	return read(ctx, f, "virtual devices", func(ctx context.Context) (string, error) {
		pages := iam.NewListVirtualMFADevicesPaginator(f.c.IAM(), &iam.ListVirtualMFADevicesInput{AssignmentStatus: types.AssignmentStatusTypeAssigned})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return "", f.failed(err, "iam:ListVirtualMFADevices")
			}
			for _, d := range page.VirtualMFADevices {
				if d.User != nil && strings.HasSuffix(sdk.ToString(d.User.Arn), ":root") {
					return sdk.ToString(d.SerialNumber), nil
				}
			}
		}
		return "", nil
	})
}
