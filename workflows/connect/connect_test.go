package connect_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/workflows/connect"
)

type environment map[string]string

func (e environment) Environ() []string {
	var all []string
	for k, v := range e {
		all = append(all, k+"="+v)
	}
	return all
}

func (e environment) LookupEnv(name string) (string, bool) {
	v, ok := e[name]
	return v, ok
}

func TestResolve(t *testing.T) {
	file := filepath.Join(t.TempDir(), "temporal.toml")
	require.NoError(t, os.WriteFile(file, []byte(`
[profile.default]
address = "profile.example.com:7233"
namespace = "from-profile"
[profile.production]
address = "production.example.com:7233"
namespace = "secops"
api_key = "not-a-real-key"
`), 0o600))
	for name, tc := range map[string]struct {
		opts               connect.Options
		env                environment
		address, namespace string
		tls                bool
	}{
		"nothing is said":     {connect.Options{}, environment{"TEMPORAL_CONFIG_FILE": os.DevNull}, "localhost:7233", "", false},
		"the default profile": {connect.Options{ConfigFile: file}, environment{}, "profile.example.com:7233", "from-profile", false},
		"a profile by name":   {connect.Options{ConfigFile: file, Profile: "production"}, environment{}, "production.example.com:7233", "secops", true},
		"the environment over the profile": {
			connect.Options{ConfigFile: file}, environment{"TEMPORAL_ADDRESS": "env.example.com:1"}, "env.example.com:1", "from-profile", false,
		},
		"flags over everything": {
			connect.Options{ConfigFile: file, Address: "flag.example.com:2", Namespace: "from-flag"},
			environment{"TEMPORAL_ADDRESS": "env.example.com:1", "TEMPORAL_NAMESPACE": "from-env"},
			"flag.example.com:2", "from-flag", false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			tc.opts.Env = tc.env
			got, err := tc.opts.Resolve()
			require.NoError(t, err)
			require.Equal(t, tc.address, got.HostPort)
			require.Equal(t, tc.namespace, got.Namespace)
			require.Equal(t, tc.tls, got.ConnectionOptions.TLS != nil, "an API key never travels in the clear")
		})
	}
	_, err := connect.Options{ConfigFile: file, Profile: "absent", Env: environment{}}.Resolve()
	require.ErrorContains(t, err, "absent")
}

func TestDialSaysWhereItTried(t *testing.T) {
	began := time.Now()
	_, err := connect.Options{Address: "127.0.0.1:1", Env: environment{"TEMPORAL_CONFIG_FILE": os.DevNull}}.Dial(t.Context())
	require.ErrorContains(t, err, "connect to Temporal at 127.0.0.1:1")
	require.Less(t, time.Since(began), time.Minute)
}
