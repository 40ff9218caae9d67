package digest_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/countersign/countersign/activities/digest"
)

func TestCanonical(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"keys are sorted":        {`{"b":1,"a":{"d":2,"c":3}}`, `{"a":{"c":3,"d":2},"b":1}`},
		"white space goes":       {"{ \"a\" :\n[1, 2 ]}", `{"a":[1,2]}`},
		"order of a list stays":  {`[3,1,2]`, `[3,1,2]`},
		"large integers survive": {`9007199254740993`, `9007199254740993`},
		"nothing is escaped":     {`"<a&b>"`, `"<a&b>"`},
		"characters":             {`"\b\f\n\r\t\u0001\u007f\u2028\u00e9\"\\\/"`, "\"\\b\\f\\n\\r\\t\\u0001\x7f\\u2028é\\\"\\\\/\""},
		"numbers stay":           {`[1.0,1e3,-0]`, `[1.0,1e3,-0]`},
		"null stays":             {`{"a":null}`, `{"a":null}`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := digest.Canonical(json.RawMessage(tc.in))
			require.NoError(t, err)
			require.Equal(t, tc.want, string(got))
		})
	}
}

func TestCanonicalRefuses(t *testing.T) {
	for _, in := range []string{``, `{`, `{"a":1} {"b":2}`} {
		_, err := digest.Decode([]byte(in))
		require.Error(t, err, in)
	}
}

// The digest of a known text, so that no change of rules goes unseen.
func TestOfIsStable(t *testing.T) {
	got, err := digest.Of(map[string]any{"activity": "aws.iam.disable_access_key", "version": 1})
	require.NoError(t, err)
	require.Equal(t, digest.Digest("sha256:39fc5b8cfab4f4e1d1f588617e769e65b45e394e3743d7a574cf0a97079672e9"), got)
	require.Equal(t, "39fc5b8cfab4", got.Short())
	require.Equal(t, "", digest.Digest("").Short())
}

func TestCanonicalIsAFixedPoint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.MapOf(rapid.String(), rapid.OneOf(
			rapid.Map(rapid.Int64(), func(n int64) any { return n }),
			rapid.Map(rapid.String(), func(s string) any { return s }),
			rapid.Map(rapid.SliceOf(rapid.Bool()), func(b []bool) any { return b }),
		)).Draw(t, "value")
		once, err := digest.Canonical(v)
		require.NoError(t, err)
		twice, err := digest.Canonical(json.RawMessage(once))
		require.NoError(t, err)
		require.Equal(t, string(once), string(twice))
	})
}
