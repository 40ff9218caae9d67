package standin_test

import (
	"encoding/json"
	"runtime"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

func TestEstateIsTheSameEachTime(t *testing.T) {
	first, err := json.Marshal(standin.Estate(3, 2, 7))
	require.NoError(t, err)
	again, err := json.Marshal(standin.Estate(3, 2, 7))
	require.NoError(t, err)
	require.Equal(t, string(first), string(again))
	other, err := json.Marshal(standin.Estate(3, 2, 8))
	require.NoError(t, err)
	require.NotEqual(t, string(first), string(other))
	more := standin.Estate(4, 2, 7)
	third, err := json.Marshal(more.Accounts[standin.EstateAccount(2)])
	require.NoError(t, err)
	require.Contains(t, string(first), string(third), "another account changes none of the others")
}

// An account of an estate is reached by the hub, and the listed caller acts in the first.
func TestEstateIsReached(t *testing.T) {
	s, cfg := start(t, standin.Options{Seed: standin.Estate(3, 2, 1)})
	who, err := sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, standin.EstateAccount(0), *who.Account)
	take := func(cfg aws.Config, role, external string) aws.Config {
		in := &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String("run-1")}
		if external != "" {
			in.ExternalId = &external
		}
		out, err := sts.NewFromConfig(cfg).AssumeRole(t.Context(), in)
		require.NoError(t, err)
		cfg = cfg.Copy()
		cfg.Credentials = credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
		return cfg
	}
	member := take(take(cfg, standin.EstateHub, ""), "arn:aws:iam::"+standin.EstateAccount(2)+":role/SecOpsRead", standin.EstateExternalID)
	regions, err := ec2.NewFromConfig(member).DescribeRegions(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, regions.Regions, 2)
	groups, err := ec2.NewFromConfig(member).DescribeSecurityGroups(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, groups.SecurityGroups, 6)
	require.Empty(t, s.Mutations())
}

// Two hundred accounts with four regions are a few dozen megabytes.
func TestEstateIsSmall(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s, err := standin.New(standin.Options{Seed: standin.Estate(200, 4, 1)})
	require.NoError(t, err)
	runtime.GC()
	runtime.ReadMemStats(&after)
	took := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	t.Logf("%d MiB", took>>20)
	require.Less(t, took, int64(100<<20))
	runtime.KeepAlive(s)
}
