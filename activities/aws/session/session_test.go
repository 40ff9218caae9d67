package session

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRegions(t *testing.T) {
	for _, region := range []string{"eu-west-1", "us-gov-west-1", "cn-north-1", "ap-southeast-5", "us-iso-east-1", "eusc-de-east-1", "mx-central-1"} {
		require.Regexp(t, regionForm, region)
	}
}
