package control

import (
	"cmp"
	"context"
	"strconv"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/countersign/countersign/activities/finding"
)

var volumeEncryption = &check{
	Control: finding.Control{
		ID: "EC2.3", Title: "EBS volumes are encrypted", Severity: finding.Medium,
		Remedy: "Copy a snapshot of the volume with encryption, make a volume of that, and put it in the place of the first.",
	},
	scope:       ofRegion,
	permissions: []string{"ec2:DescribeVolumes"},
	look: func(ctx context.Context, f *facts) ([]seen, error) {
		var out []seen
		pages := ec2.NewDescribeVolumesPaginator(f.c.EC2(), &ec2.DescribeVolumesInput{MaxResults: sdk.Int32(1000)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx, patientlyEC2)
			if err != nil {
				return nil, f.failed(err, "ec2:DescribeVolumes")
			}
			for _, v := range page.Volumes {
				to := "none"
				for _, a := range v.Attachments {
					to = sdk.ToString(a.InstanceId)
				}
				evidence := map[string]string{"encrypted": strconv.FormatBool(sdk.ToBool(v.Encrypted)), "attached to": to}
				out = append(out, verdict(f.arn("ec2", "volume/"+sdk.ToString(v.VolumeId)), sdk.ToBool(v.Encrypted), evidence))
			}
		}
		return out, nil
	},
}

var encryptionByDefault = &check{
	Control: finding.Control{
		ID: "EC2.7", Title: "New EBS volumes are encrypted without being asked to", Severity: finding.Medium,
		Remedy:    "Switch the encryption by default of EBS on in the region. Volumes that are there stay as they are.",
		Standards: []string{cis("3.0.0", "2.2.1")},
	},
	scope:       ofRegion,
	permissions: []string{"ec2:GetEbsEncryptionByDefault"},
	look: func(ctx context.Context, f *facts) ([]seen, error) {
		out, err := f.c.EC2().GetEbsEncryptionByDefault(ctx, &ec2.GetEbsEncryptionByDefaultInput{})
		if err != nil {
			return nil, f.failed(err, "ec2:GetEbsEncryptionByDefault")
		}
		on := sdk.ToBool(out.EbsEncryptionByDefault)
		return []seen{verdict(f.whole(), on, map[string]string{"EbsEncryptionByDefault": strconv.FormatBool(on)})}, nil
	},
}

var metadataTokens = &check{
	Control: finding.Control{
		ID: "EC2.8", Title: "Instances give their credentials only to callers with a token", Severity: finding.High,
		Remedy:    "Set the instance's metadata options so that tokens are required (IMDSv2), once nothing on it asks without.",
		Standards: []string{cis("3.0.0", "5.6")},
	},
	scope:       ofRegion,
	permissions: []string{"ec2:DescribeInstances"},
	look: func(ctx context.Context, f *facts) ([]seen, error) {
		var out []seen
		pages := ec2.NewDescribeInstancesPaginator(f.c.EC2(), &ec2.DescribeInstancesInput{MaxResults: sdk.Int32(1000)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx, patientlyEC2)
			if err != nil {
				return nil, f.failed(err, "ec2:DescribeInstances")
			}
			for _, r := range page.Reservations {
				for _, i := range r.Instances {
					if one, about := f.tokens(i); about {
						out = append(out, one)
					}
				}
			}
		}
		return out, nil
	},
}

// tokens is what an instance asks of those who ask it for credentials; about is false of one that is no
// more. One that does not say asks for nothing.
func (f *facts) tokens(i types.Instance) (_ seen, about bool) {
	if i.State != nil && (i.State.Name == types.InstanceStateNameTerminated || i.State.Name == types.InstanceStateNameShuttingDown) {
		return seen{}, false
	}
	var options types.InstanceMetadataOptionsResponse
	if i.MetadataOptions != nil {
		options = *i.MetadataOptions
	}
	ok := options.HttpTokens == types.HttpTokensStateRequired || options.HttpEndpoint == types.InstanceMetadataEndpointStateDisabled
	return verdict(f.arn("ec2", "instance/"+sdk.ToString(i.InstanceId)), ok, map[string]string{
		"HttpTokens": cmp.Or(string(options.HttpTokens), "unknown"), "HttpEndpoint": cmp.Or(string(options.HttpEndpoint), "unknown"),
	}), true
}
