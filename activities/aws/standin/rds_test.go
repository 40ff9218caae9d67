package standin_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

func TestDBSnapshotSharing(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	client := rds.NewFromConfig(cfg)
	id := aws.String(standin.SampleDBSnapshot)
	found, err := client.DescribeDBSnapshots(t.Context(), &rds.DescribeDBSnapshotsInput{DBSnapshotIdentifier: id})
	require.NoError(t, err)
	require.Len(t, found.DBSnapshots, 1)
	require.Equal(t, "arn:aws:rds:us-east-1:111122223333:snapshot:payments-before-migration", *found.DBSnapshots[0].DBSnapshotArn)
	require.Equal(t, "owner", *found.DBSnapshots[0].TagList[0].Key)
	require.Equal(t, "manual", *found.DBSnapshots[0].SnapshotType)

	look := func() []string {
		out, err := client.DescribeDBSnapshotAttributes(t.Context(), &rds.DescribeDBSnapshotAttributesInput{DBSnapshotIdentifier: id})
		require.NoError(t, err)
		require.Equal(t, "restore", *out.DBSnapshotAttributesResult.DBSnapshotAttributes[0].AttributeName)
		return out.DBSnapshotAttributesResult.DBSnapshotAttributes[0].AttributeValues
	}
	require.Equal(t, []string{standin.SampleOtherAccount, "all"}, look())
	for range 2 {
		_, err = client.ModifyDBSnapshotAttribute(t.Context(), &rds.ModifyDBSnapshotAttributeInput{
			DBSnapshotIdentifier: id, AttributeName: aws.String("restore"), ValuesToRemove: []string{"all", standin.SampleOtherAccount},
		})
		require.NoError(t, err)
	}
	require.Empty(t, look())
	require.Equal(t, []string{"ModifyDBSnapshotAttribute"}, changed(s))

	_, err = client.ModifyDBSnapshotAttribute(t.Context(), &rds.ModifyDBSnapshotAttributeInput{
		DBSnapshotIdentifier: aws.String("nobody"), AttributeName: aws.String("restore"), ValuesToRemove: []string{"all"},
	})
	require.Equal(t, "DBSnapshotNotFound", code(t, err))
	s.Update(func(st *standin.State) { home(st).DBSnapshots[standin.SampleDBSnapshot].Type = "automated" })
	_, err = client.ModifyDBSnapshotAttribute(t.Context(), &rds.ModifyDBSnapshotAttributeInput{
		DBSnapshotIdentifier: id, AttributeName: aws.String("restore"), ValuesToAdd: []string{"all"},
	})
	require.Equal(t, "InvalidDBSnapshotState", code(t, err))
}

func TestDBInstances(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	client := rds.NewFromConfig(cfg)
	out, err := client.DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{DBInstanceIdentifier: aws.String(standin.SampleDBInstance)})
	require.NoError(t, err)
	require.False(t, *out.DBInstances[0].PubliclyAccessible)
	require.True(t, *out.DBInstances[0].StorageEncrypted)
	require.Equal(t, standin.SampleVPC, *out.DBInstances[0].DBSubnetGroup.VpcId)
	_, err = client.DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{DBInstanceIdentifier: aws.String("nobody")})
	require.Equal(t, "DBInstanceNotFound", code(t, err))

	s.Update(func(st *standin.State) {
		for i := range 50 {
			home(st).DBInstances[fmt.Sprintf("db-%02d", i)] = &standin.DBInstance{Engine: "mysql"}
		}
	})
	seen := 0
	for pages := rds.NewDescribeDBInstancesPaginator(client, &rds.DescribeDBInstancesInput{MaxRecords: aws.Int32(20)}); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		require.NoError(t, err)
		seen += len(page.DBInstances)
	}
	require.Equal(t, 51, seen)
}
