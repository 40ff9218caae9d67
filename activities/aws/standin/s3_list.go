package standin

import (
	"slices"
	"strconv"
	"strings"
)

// listBuckets tells of the account's buckets in all regions. Only a request with a parameter is told
// where each is, as in the real API.
func listBuckets(c *call) (any, error) {
	in, wanted := map[string]*Bucket{}, c.path["bucket-region"]
	where := map[string]string{}
	for _, region := range sorted(c.account().Regions) {
		for name, b := range c.account().Regions[region].Buckets {
			in[name], where[name] = b, region
		}
	}
	if wanted != "" && wanted != c.region {
		return nil, bad("InvalidArgument", "Argument value %s is not a valid AWS Region for this endpoint", wanted)
	}
	names := slices.DeleteFunc(sorted(in), func(name string) bool {
		return !strings.HasPrefix(name, c.path["prefix"]) || wanted != "" && where[name] != wanted
	})
	size := 10_000
	if said, ok := c.path["max-buckets"]; ok {
		n, err := strconv.Atoi(said)
		if err != nil || n < 1 || n > size {
			return nil, bad("InvalidArgument", "Argument max-buckets must be an integer between 1 and 10000")
		}
		size = n
	}
	names, next, ok := page(names, c.path["continuation-token"], size)
	if !ok {
		return nil, bad("InvalidArgument", "The continuation token provided is incorrect")
	}
	buckets := elements{}
	for _, name := range names {
		item := elements{{"Name", name}, {"CreationDate", ec2Time(in[name].Created)}, {"BucketArn", "arn:aws:s3:::" + name}}
		if len(c.path) > 0 {
			item = append(item, element{"BucketRegion", where[name]})
		}
		buckets = append(buckets, element{"Bucket", item})
	}
	return element{"ListAllMyBucketsResult", elements{
		{"Owner", elements{{"ID", "canonical-user-of-" + c.caller.Account}}},
		{"Buckets", buckets},
		{"ContinuationToken", some(next)},
		{"Prefix", some(c.path["prefix"])},
	}}, nil
}
