package control

import (
	"context"
	"strconv"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/countersign/countersign/activities/finding"
)

var publicDatabases = &check{
	Control: finding.Control{
		ID: "RDS.2", Title: "Databases cannot be reached from outside", Severity: finding.Critical,
		Remedy:    "Modify the instance so that it is not publicly accessible, and see who needs it from outside.",
		Standards: []string{cis("3.0.0", "2.3.3")},
	},
	scope:       ofRegion,
	permissions: []string{"rds:DescribeDBInstances"},
	look: eachDatabase(func(db types.DBInstance) (bool, map[string]string) {
		public := sdk.ToBool(db.PubliclyAccessible)
		return !public, map[string]string{"PubliclyAccessible": strconv.FormatBool(public)}
	}),
}

var databaseEncryption = &check{
	Control: finding.Control{
		ID: "RDS.3", Title: "Databases are encrypted", Severity: finding.Medium,
		Remedy:    "Copy a snapshot of the database with encryption, restore that, and let the clients use it.",
		Standards: []string{cis("3.0.0", "2.3.1")},
	},
	scope:       ofRegion,
	permissions: []string{"rds:DescribeDBInstances"},
	look: eachDatabase(func(db types.DBInstance) (bool, map[string]string) {
		encrypted := sdk.ToBool(db.StorageEncrypted)
		return encrypted, map[string]string{"StorageEncrypted": strconv.FormatBool(encrypted)}
	}),
}

func eachDatabase(look func(types.DBInstance) (ok bool, evidence map[string]string)) func(context.Context, *facts) ([]seen, error) {
	return func(ctx context.Context, f *facts) ([]seen, error) {
		all, err := read(ctx, f, "databases", func(ctx context.Context) ([]types.DBInstance, error) {
			var out []types.DBInstance
			pages := rds.NewDescribeDBInstancesPaginator(f.c.RDS(), &rds.DescribeDBInstancesInput{})
			for pages.HasMorePages() {
				page, err := pages.NextPage(ctx)
				if err != nil {
					return nil, f.failed(err, "rds:DescribeDBInstances")
				}
				out = append(out, page.DBInstances...)
			}
			return out, nil
		})
		if err != nil {
			return nil, err
		}
		var out []seen
		for _, db := range all {
			ok, evidence := look(db)
			evidence["Engine"] = sdk.ToString(db.Engine)
			out = append(out, verdict(sdk.ToString(db.DBInstanceArn), ok, evidence))
		}
		return out, nil
	}
}
