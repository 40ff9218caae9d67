package web

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Channels and response_urls that nothing goes to any more cost no memory; a pause that Slack asked for
// is kept.
func TestIdleGatesAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace()
		for n := range 1000 {
			require.NoError(t, p.wait(t.Context(), "chat.postMessage", fmt.Sprint(n)))
		}
		p.hold("chat.postMessage", "held", time.Hour)
		require.Len(t, p.gates, 1001)
		time.Sleep(idle + time.Second)
		require.NoError(t, p.wait(t.Context(), "chat.postMessage", "last"))
		require.Len(t, p.gates, 2)
		require.Positive(t, p.held(p.gates[turn{"chat.postMessage", "held"}]))
	})
}
