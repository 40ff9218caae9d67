package control

import (
	"context"
	"strconv"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/countersign/countersign/activities/aws/session"
	"github.com/countersign/countersign/activities/finding"
)

var keyRotation = &check{
	Control: finding.Control{
		ID: "KMS.4", Title: "Keys of customers are rotated", Severity: finding.Medium,
		Remedy:    "Switch the yearly rotation of the key on. What it encrypted before can still be read.",
		Standards: []string{cis("3.0.0", "3.6")},
	},
	scope:       ofRegion,
	permissions: []string{"kms:ListKeys", "kms:DescribeKey", "kms:GetKeyRotationStatus"},
	look: func(ctx context.Context, f *facts) ([]seen, error) {
		var out []seen
		pages := kms.NewListKeysPaginator(f.c.KMS(), &kms.ListKeysInput{Limit: sdk.Int32(1000)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx, patientlyKMS)
			if err != nil {
				return nil, f.failed(err, "kms:ListKeys")
			}
			for _, key := range page.Keys {
				one, about, err := f.rotation(ctx, sdk.ToString(key.KeyArn))
				if err != nil {
					// The key's own policy may keep everybody out: that is an error of this key.
					one, err = f.refused(ctx, sdk.ToString(key.KeyArn), err)
					about = true
				}
				if err != nil {
					return nil, err
				}
				if about {
					out = append(out, one)
				}
			}
		}
		return out, nil
	},
}

func patientlyKMS(o *kms.Options) { o.RetryMaxAttempts = patientAttempts }

// rotation looks at one key; about is false where the control is not about it: AWS's own keys, those
// that KMS cannot rotate because it did not make them or because they come in pairs, and those that
// wait for their end.
func (f *facts) rotation(ctx context.Context, arn string) (_ seen, about bool, _ error) {
	out, err := f.c.KMS().DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &arn}, patientlyKMS)
	if session.Answered(err, "NotFoundException") {
		return seen{}, false, nil // deleted since they were listed
	}
	if err != nil {
		return seen{}, false, f.failed(err, "kms:DescribeKey")
	}
	of := out.KeyMetadata
	if of.KeyManager != types.KeyManagerTypeCustomer || of.KeySpec != types.KeySpecSymmetricDefault || of.Origin != types.OriginTypeAwsKms ||
		of.KeyState != types.KeyStateEnabled && of.KeyState != types.KeyStateDisabled {
		return seen{}, false, nil
	}
	status, err := f.c.KMS().GetKeyRotationStatus(ctx, &kms.GetKeyRotationStatusInput{KeyId: &arn}, patientlyKMS)
	if err != nil {
		return seen{}, false, f.failed(err, "kms:GetKeyRotationStatus")
	}
	return verdict(arn, status.KeyRotationEnabled, map[string]string{
		"KeyRotationEnabled": strconv.FormatBool(status.KeyRotationEnabled), "KeyState": string(of.KeyState),
	}), true, nil
}
