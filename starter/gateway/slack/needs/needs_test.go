package needs_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/starter/gateway/slack/needs"
)

func names() []string {
	var all []string
	for _, s := range needs.Scopes() {
		all = append(all, s.Name)
	}
	return all
}

// The manifest that operators install grants what the list says, and what the gateway takes.
func TestManifest(t *testing.T) {
	raw, err := os.ReadFile("../../../../deploy/slack/manifest.yaml")
	require.NoError(t, err)
	var m struct {
		Display struct {
			Name, Description string
			Long              string `yaml:"long_description"`
		} `yaml:"display_information"`
		Features struct {
			Home struct {
				Enabled bool `yaml:"home_tab_enabled"`
			} `yaml:"app_home"`
			Commands []struct{ Command, URL string } `yaml:"slash_commands"`
		}
		OAuth struct {
			Scopes map[string][]string
		} `yaml:"oauth_config"`
		Settings struct {
			Events struct {
				Bot []string `yaml:"bot_events"`
			} `yaml:"event_subscriptions"`
			Interactivity struct {
				Enabled bool `yaml:"is_enabled"`
			}
			Socket bool `yaml:"socket_mode_enabled"`
		}
	}
	require.NoError(t, yaml.Unmarshal(raw, &m))
	require.Equal(t, map[string][]string{"bot": names()}, m.OAuth.Scopes, "and no scope of a person")
	require.True(t, m.Features.Home.Enabled)
	require.True(t, m.Settings.Interactivity.Enabled)
	require.True(t, m.Settings.Socket)
	require.Equal(t, []string{"app_home_opened"}, m.Settings.Events.Bot)
	require.Len(t, m.Features.Commands, 1)
	// Slack's bounds.
	require.LessOrEqual(t, len(m.Display.Name), 35)
	require.LessOrEqual(t, len(m.Display.Description), 140)
	require.GreaterOrEqual(t, len(m.Display.Long), 174)
	require.LessOrEqual(t, len(m.Display.Long), 4000)
}

// What operators read names every scope, and why it is asked for.
func TestReadme(t *testing.T) {
	raw, err := os.ReadFile("../../../../deploy/slack/README.md")
	require.NoError(t, err)
	for _, s := range needs.Scopes() {
		row := "| `" + s.Name + "` | " + s.Why
		if s.Optional != "" {
			row += "; " + s.Optional
		}
		require.Contains(t, string(raw), row+" |")
	}
}

func TestMissing(t *testing.T) {
	all := names()
	require.True(t, slices.IsSorted(all))
	missing, extra := needs.Missing(all)
	require.Empty(t, missing)
	require.Empty(t, extra)
	for _, bad := range []string{"chat:write.public", "admin", "users:write"} {
		require.NotContains(t, all, bad)
	}
	missing, extra = needs.Missing(append(slices.Clone(all[2:]), "admin"))
	require.Equal(t, []string{"channels:history", "channels:read"}, []string{missing[0].Name, missing[1].Name})
	require.Equal(t, []string{"admin"}, extra)
	for _, s := range needs.Scopes() {
		require.NotEmpty(t, s.Why)
		require.False(t, strings.HasSuffix(s.Why, "."))
	}
}
