package secret_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/countersign/countersign/activities/secret"
)

type env map[string]string

func (e env) lookup(name string) (string, bool) {
	v, ok := e[name]
	return v, ok
}

type store func(where secret.Stored) (secret.Secret, error)

func (s store) Secret(_ context.Context, where secret.Stored) (secret.Secret, error) { return s(where) }

func file(t *testing.T, content string, mode os.FileMode) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
	require.NoError(t, os.Chmod(name, mode))
	return name
}

func TestResolve(t *testing.T) {
	t.Parallel()
	good, loose := file(t, canary+"\n", 0o600), file(t, canary, 0o640)
	vars := env{"TOKEN": canary, "SHORT": "1234567", "EMPTY": "", "LONG": strings.Repeat("x", 64<<10+1)}
	text := fmt.Sprintf(`secrets:
  token: {env: TOKEN, for: [http.*, chat.send]}
  short: {env: SHORT, for: [http.*]}
  empty: {env: EMPTY, for: [http.*]}
  long: {env: LONG, for: [http.*]}
  unset: {env: UNSET, for: [http.*]}
  file: {file: %q, for: [http.post]}
  loose: {file: %q, for: [http.post]}
  none: {file: /does/not/exist, for: [http.post]}
  folder: {file: %q, for: [http.post]}
  stored: {aws: prod/jira, key: password, account: "111122223333", region: eu-west-1, for: [http.post]}
  broken: {aws: prod/down, account: "111122223333", region: eu-west-1, for: [http.post]}
`, good, loose, filepath.Dir(good))
	down := errors.New("no answer")
	r, err := secret.Parse([]byte(text), secret.Sources{Env: vars.lookup, AWS: store(func(where secret.Stored) (secret.Secret, error) {
		if where.ID == "prod/down" {
			return secret.Secret{}, down
		}
		require.Equal(t, secret.Stored{Account: "111122223333", Region: "eu-west-1", ID: "prod/jira", Key: "password"}, where)
		return secret.New(canary), nil
	})})
	require.NoError(t, err)
	for ref, tc := range map[secret.Ref]struct {
		activity, says string
		permanent      bool
	}{
		"secret://token":         {activity: "http.post"},
		"secret://file":          {activity: "http.post"},
		"secret://stored":        {activity: "http.post"},
		"secret://tokn":          {activity: "http.post", says: "resolve secret://tokn: there is no such secret", permanent: true},
		"secret://unset":         {activity: "http.get", says: "resolve secret://unset: the environment has no variable UNSET", permanent: true},
		"secret://short":         {activity: "http.get", says: "shorter than 8 bytes", permanent: true},
		"secret://empty":         {activity: "http.get", says: "it is empty", permanent: true},
		"secret://long":          {activity: "http.get", says: "longer than 65536 bytes", permanent: true},
		"secret://loose":         {activity: "http.post", says: "can be read by others (mode 0640); want 0600 or less", permanent: true},
		"secret://none":          {activity: "http.post", says: "no such file", permanent: true},
		"secret://folder":        {activity: "http.post", says: "not a regular file", permanent: true},
		"secret://broken":        {activity: "http.post", says: "resolve secret://broken: no answer"},
		secret.Ref(canary):       {activity: "http.post", says: "resolve a secret: what was given is no reference; want secret://name", permanent: true},
		"secret://Upper":         {activity: "http.post", says: "is no reference", permanent: true},
		"secret://token ":        {activity: "http.post", says: "is no reference", permanent: true},
		"secret://token/../file": {activity: "http.post", says: "is no reference", permanent: true},
		"":                       {activity: "http.post", says: "is no reference", permanent: true},
		secret.Ref("secret://" + strings.Repeat("x", 101)): {activity: "http.post", says: "is no reference", permanent: true},
	} {
		t.Run(string(ref), func(t *testing.T) {
			got, err := ref.Resolve(secret.With(t.Context(), r, tc.activity))
			if tc.says == "" {
				require.NoError(t, err)
				require.Equal(t, canary, got.Reveal())
				return
			}
			var e *secret.Error
			require.ErrorAs(t, err, &e)
			require.ErrorContains(t, err, tc.says)
			require.NotContains(t, err.Error(), canary)
			require.Equal(t, tc.permanent, e.Permanent)
			require.True(t, got.IsZero())
		})
	}
	// An event that smuggles in a name gets nowhere.
	for activity, ok := range map[string]bool{"http.post": true, "chat.send": true, "chat.sender": false, "https.post": false, "": false, "aws.iam.x": false} {
		_, err := secret.Ref("secret://token").Resolve(secret.With(t.Context(), r, activity))
		require.Equal(t, ok, err == nil, activity)
	}
	_, err = secret.Ref("secret://token").Resolve(t.Context())
	require.ErrorContains(t, err, "this worker was given no secrets")
	_, err = secret.Ref("secret://token").Resolve(secret.With(t.Context(), nil, "http.post"))
	require.ErrorContains(t, err, "this worker was given no secrets")

	// What is wrong is told when the worker starts.
	err = r.Check()
	for _, name := range []string{"short", "empty", "long", "unset", "loose", "none", "folder"} {
		require.ErrorContains(t, err, "resolve secret://"+name+":")
	}
	require.NotContains(t, err.Error(), "secret://token:")
	require.NotContains(t, err.Error(), canary)
}

func TestParse(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"":                                       "want the key secrets",
		"secrets: {}":                            "it names no secrets",
		"secret: {}":                             "field secret not found",
		"secrets: {a: {env: X, for: [h], x: 1}}": "field x not found",
		"secrets: {a: {env: X, for: [h]}, a: {env: Y, for: [h]}}": "already defined",
		"secrets: {a: &x {env: X, for: [h]}, b: *x}":              "anchors and aliases are refused",
		"secrets: {a: {env: X, for: [h]}}\n---\nsecrets: {}":      "want one document",
		"secrets: {A: {env: X, for: [h]}}":                        `"A": a name is lower case words`,
		"secrets: {a: {for: [h]}}":                                "want one of env, file and aws",
		"secrets: {a: {env: X, file: /x, for: [h]}}":              "want one of env, file and aws",
		"secrets: {a: {env: X}}":                                  "want for:",
		"secrets: {a: {file: x, for: [h]}}":                       "named by its whole path",
		"secrets: {a: {aws: x, for: [h]}}":                        "needs account and region",
		"secrets: {a: {env: X, key: y, for: [h]}}":                "are of one in aws",
		"secrets: {a: {env: X, for: ['[']}}":                      "no pattern of activities",
		"secrets: {a: {env: X, for: ['HTTP']}}":                   "no pattern of activities",
		"# " + strings.Repeat("x", secret.MaxFile):                "at most 262144 are read",
		"secrets: [a]": "cannot unmarshal",
	} {
		_, err := secret.Parse([]byte(text), secret.Sources{})
		require.ErrorContains(t, err, says, "%.60s", text)
	}
	_, err := secret.Load(filepath.Join(t.TempDir(), "none.yaml"), secret.Sources{})
	require.ErrorContains(t, err, "read where the secrets are")
}

// What was resolved is taken out of texts, in every encoding in which it is sent.
func TestClean(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.StringN(8, 40, 120).Filter(func(s string) bool { return len(strings.TrimSpace(s)) >= 8 }).Draw(t, "value")
		before, after := rapid.StringN(0, 9, 30).Draw(t, "before"), rapid.StringN(0, 9, 30).Draw(t, "after")
		r, err := secret.Parse([]byte("secrets: {token: {env: TOKEN, for: [http.post]}}"), secret.Sources{Env: env{"TOKEN": value}.lookup})
		require.NoError(t, err)
		ctx := secret.With(context.Background(), r, "http.post")
		_, err = secret.Ref("secret://token").Resolve(ctx)
		require.NoError(t, err)
		inJSON, err := json.Marshal(before + value + after)
		require.NoError(t, err)
		for how, text := range map[string]string{
			"plain": before + value + after, "quoted": fmt.Sprintf("%q", before+value+after), "JSON": string(inJSON),
			"query": "https://example.com/?x=" + url.QueryEscape(value) + "&y=1", "path": "https://example.com/" + url.PathEscape(value),
			"hex": fmt.Sprintf("%x", before+value+after),
		} {
			clean, changed := secret.Clean(ctx, text)
			require.True(t, changed, how)
			require.Contains(t, clean, secret.Shown)
			require.NotContains(t, clean, value, how)
		}
		// In base64 what stands beside it blurs its ends. Of the middle nothing is left.
		for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding} {
			encoded := enc.EncodeToString([]byte(before + value + after))
			clean, _ := secret.Clean(ctx, "Basic "+encoded)
			if len(value) >= 12 {
				require.NotContains(t, clean, encoded)
			}
		}
		raw, err := json.Marshal(map[string]any{"a": []any{value, 5, nil, true}, value: "x" + value, "big": json.Number("12345678901234567890")})
		require.NoError(t, err)
		out := secret.CleanJSON(ctx, raw)
		var v map[string]any
		require.NoError(t, json.Unmarshal(out, &v))
		require.NotContains(t, string(out), string(inJSON[1:len(inJSON)-1]))
		require.Contains(t, string(out), "12345678901234567890")
	})
}

func TestCleanKnowsWhatWasResolved(t *testing.T) {
	t.Parallel()
	vars := env{"TOKEN": "first-value-of-it"}
	r, err := secret.Parse([]byte("secrets: {token: {env: TOKEN, for: [http.post]}}"), secret.Sources{Env: vars.lookup})
	require.NoError(t, err)
	ctx := secret.With(t.Context(), r, "http.post")
	text, changed := secret.Clean(ctx, "first-value-of-it")
	require.False(t, changed, "nobody has asked for it: %s", text)
	for _, value := range []string{"first-value-of-it", "second-value-of-it", "first-value-of-it"} {
		vars["TOKEN"] = value
		_, err = secret.Ref("secret://token").Resolve(ctx)
		require.NoError(t, err)
	}
	text, _ = secret.Clean(ctx, "first-value-of-it, second-value-of-it, third")
	require.Equal(t, "<secret>, <secret>, third", text, "a call that began before the change still has the old one")
	text, changed = secret.Clean(t.Context(), "first-value-of-it")
	require.False(t, changed, text)
	raw := json.RawMessage(`{"a":"first-value-of-it"}`)
	require.Equal(t, raw, secret.CleanJSON(secret.With(t.Context(), r, "http.get"), raw), "a call that has resolved nothing answers as it is")
	require.JSONEq(t, `{"a":"<secret>"}`, string(secret.CleanJSON(ctx, raw)))
	require.Equal(t, "null", string(secret.CleanJSON(ctx, json.RawMessage(`{"first-value-of-it`))))
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", "secrets: {a: {env: X, for: [h]}}", "secrets: &a {b: *a}", "secrets: {a: {aws: x, account: 1, region: r, for: ['*']}}", "- 1", "secrets: ~", "\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := secret.Parse(text, secret.Sources{Env: env{}.lookup})
		if err == nil {
			_, err = secret.Ref("secret://a").Resolve(secret.With(t.Context(), r, "h"))
			require.Error(t, err)
		}
	})
}
