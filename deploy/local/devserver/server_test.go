package devserver

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestStartStop(t *testing.T) {
	dir := t.TempDir()
	for range 3 {
		begin := time.Now()
		s, err := Start(t.Context(), Options{Dir: dir, Address: "127.0.0.1:0", UI: true})
		require.NoError(t, err)
		t.Log("start", time.Since(begin), s.Address(), s.UIURL())
		begin = time.Now()
		require.NoError(t, s.Stop())
		t.Log("stop", time.Since(begin))
	}
}
