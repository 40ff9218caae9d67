package control

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/countersign/countersign/activities/finding"
)

var publicSnapshots = &check{
	Control: finding.Control{
		ID: "EC2.1", Title: "No snapshot of a volume is public", Severity: finding.Critical,
		Remedy: "Take the permission of everybody from the snapshot, and take what is on it for read by others.",
	},
	scope:       ofRegion,
	permissions: []string{"ec2:DescribeSnapshots"},
	look: func(ctx context.Context, f *facts) ([]seen, error) {
		var out []seen
		pages := ec2.NewDescribeSnapshotsPaginator(f.c.EC2(), &ec2.DescribeSnapshotsInput{
			OwnerIds: []string{"self"}, RestorableByUserIds: []string{"all"}, MaxResults: sdk.Int32(1000),
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx, patientlyEC2)
			if err != nil {
				return nil, f.failed(err, "ec2:DescribeSnapshots")
			}
			for _, s := range page.Snapshots {
				out = append(out, verdict(f.bare("snapshot/"+sdk.ToString(s.SnapshotId)), false, map[string]string{
					"restorable by": "all", "volume": sdk.ToString(s.VolumeId),
				}))
			}
		}
		return f.orNone(out, "public snapshots"), nil
	},
}

var publicImages = &check{
	Control: finding.Control{
		ID: "Countersign.PublicImage", Title: "No machine image is public", Severity: finding.High,
		Remedy: "Take the permission of everybody from the image, and take what is on it for read by others.",
	},
	scope:       ofRegion,
	permissions: []string{"ec2:DescribeImages"},
	look: func(ctx context.Context, f *facts) ([]seen, error) {
		var out []seen
		pages := ec2.NewDescribeImagesPaginator(f.c.EC2(), &ec2.DescribeImagesInput{
			Owners: []string{"self"}, ExecutableUsers: []string{"all"}, IncludeDisabled: sdk.Bool(true), MaxResults: sdk.Int32(1000),
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx, patientlyEC2)
			if err != nil {
				return nil, f.failed(err, "ec2:DescribeImages")
			}
			for _, i := range page.Images {
				out = append(out, verdict(f.bare("image/"+sdk.ToString(i.ImageId)), false, map[string]string{
					"executable by": "all", "name": sdk.ToString(i.Name),
				}))
			}
		}
		return f.orNone(out, "public images"), nil
	},
}

// bare names a snapshot or an image: their ARNs are without an account.
func (f *facts) bare(rest string) string { return "arn:aws:ec2:" + f.region + "::" + rest }

// orNone passes an account in a region that has none of what is asked for by name.
func (f *facts) orNone(out []seen, what string) []seen {
	if len(out) == 0 {
		return []seen{verdict(f.whole(), true, map[string]string{what: "none"})}
	}
	return out
}
