package finding_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/finding"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

const good = `{control: S3.8, resource: "*", until: 2027-03-31, reason: a site, by: alice@example.com}`

func TestWaiversThatAreNotTaken(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"unknown key":    {"waivers: [{control: S3.8, resorce: x}]", "resorce"},
		"unknown list":   {"waiver: []", "waiver"},
		"twice":          {"waivers: []\nwaivers: []", "already defined"},
		"two documents":  {"waivers: []\n---\nwaivers: []", "more than one document"},
		"an alias":       {"waivers: [&a " + good + ", *a]", "anchor"},
		"no reason":      {"waivers: [" + strings.Replace(good, "reason: a site, ", "", 1) + "]", `lacks "reason"`},
		"nobody":         {"waivers: [" + strings.Replace(good, "alice@example.com", "' '", 1) + "]", `lacks "by"`},
		"no resource":    {"waivers: [" + strings.Replace(good, `"*"`, `""`, 1) + "]", `lacks "resource"`},
		"for ever":       {"waivers: [" + strings.Replace(good, "until: 2027-03-31, ", "", 1) + "]", `lacks "until"`},
		"too long":       {"waivers: [" + strings.Replace(good, "2027-03-31", "2027-12-31", 1) + "]", "more than a year"},
		"no day":         {"waivers: [" + strings.Replace(good, "2027-03-31", "spring", 1) + "]", "is no day"},
		"every control":  {"waivers: [" + strings.Replace(good, "S3.8", "S3.*", 1) + "]", "name one control"},
		"all at once":    {"waivers: [{control: A}, {control: B}]", "waiver 2"},
		"a wrong shape":  {"waivers: 3", "cannot unmarshal"},
		"a large file":   {"# " + strings.Repeat("x", 1<<20), "at most"},
		"a long reason":  {"waivers: [" + strings.Replace(good, "a site", strings.Repeat("x", 1001), 1) + "]", "longer than"},
		"no YAML at all": {"\x00", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w, err := finding.ParseWaivers([]byte(tc.text), noon)
			require.ErrorContains(t, err, tc.want)
			require.Empty(t, w)
		})
	}
	w, err := finding.ParseWaivers(nil, noon)
	require.NoError(t, err)
	require.Empty(t, w)
}

func TestAWaiverLastsToTheEndOfItsDay(t *testing.T) {
	w, err := finding.ParseWaivers([]byte("waivers: ["+good+", "+strings.Replace(good, "2027-03-31", "2026-11-19", 1)+"]"), noon)
	require.NoError(t, err)
	require.Len(t, w.Expired(noon), 1)
	r := finding.Result{Control: "S3.8", Account: "111122223333", Resource: "arn:aws:s3:::www/a"}
	last := time.Date(2027, 3, 31, 23, 59, 59, 0, time.UTC)
	require.NotNil(t, w.Matcher(last)(r))
	require.Nil(t, w.Matcher(last.Add(time.Second))(r))
	r.Control = "S3.1"
	require.Nil(t, w.Matcher(noon)(r))
}

func TestTheFileIsReadAnew(t *testing.T) {
	file := filepath.Join(t.TempDir(), "waivers.yaml")
	require.NoError(t, os.WriteFile(file, []byte("waivers: ["+good+"]"), 0o600))
	read := finding.WaiverFile(file, func() time.Time { return noon })
	w, err := read()
	require.NoError(t, err)
	require.Len(t, w, 1)
	require.NoError(t, os.WriteFile(file, []byte("waivers: [{}] # a mistake"), 0o600))
	_, err = read()
	require.ErrorContains(t, err, "read the waivers")
}

func TestGlob(t *testing.T) {
	for _, tc := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"*", "a/b", true}, {"a", "a", true}, {"a", "A", false},
		{"a*c", "abbc", true}, {"a*c", "abcd", false}, {"a?c", "aéc", true}, {"?", "", false}, {"*a*b*", "xxaxxbxx", true},
		{"arn:aws:s3:::www-*", "arn:aws:s3:::www-eu/x", true}, {"arn:aws:s3:::www-*", "arn:aws:s3:::logs", false},
		{strings.Repeat("a*", 50) + "b", strings.Repeat("a", 1000), false},
	} {
		require.Equal(t, tc.want, finding.Glob(tc.pattern, tc.text), "%s of %s", tc.pattern, tc.text)
	}
}
