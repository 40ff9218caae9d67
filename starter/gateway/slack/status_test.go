package slack

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// What has changed is one line, and a warning where somebody should look.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		turn := make(chan Status) // the test and what it watches take turns
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go watch(ctx, slog.New(slog.NewTextHandler(&out, nil)), func() Status { return <-turn })
		for _, step := range []struct {
			is   Status
			want string // "" is no line
		}{
			{Status{}, ""},
			{Status{Leads: true, Socket: true, Sockets: 2}, "level=INFO"},
			{Status{Leads: true, Socket: true, Sockets: 2, Reconnects: 7}, ""},
			{Status{Leads: true, Socket: true, Sockets: 2, Reconnects: 7, Behind: 3}, "behind=3"},
			{Status{Leads: true, Socket: true, Sockets: 2, Reconnects: 7, Behind: 9}, ""},
			{Status{Leads: true, Socket: true, Reconnects: 7, Behind: 9}, "level=WARN"},
			{Status{Leads: true, Socket: true, Sockets: 2, Reconnects: 8, Strangers: true}, "reconnects=8 strangers=true"},
			{Status{Leads: true, Socket: true, Sockets: 2, Trouble: []string{"the channel C1 is archived"}}, `trouble="the channel C1 is archived"`},
			{Status{Leads: true, Socket: true, Sockets: 2}, "level=INFO"},
		} {
			out.Reset()
			turn <- step.is // when it looks
			synctest.Wait()
			require.Equal(t, step.want != "", out.Len() > 0, "%+v: %s", step.is, &out)
			require.Contains(t, out.String(), step.want)
			require.LessOrEqual(t, strings.Count(out.String(), "\n"), 1)
		}
	})
}
