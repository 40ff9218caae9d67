package devserver

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/log/tag"
)

func TestLogger(t *testing.T) {
	var out bytes.Buffer
	handler := slog.NewTextHandler(&out, &slog.HandlerOptions{
		Level: slog.LevelWarn,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	})
	l := log.With(newLogger(slog.New(handler), &troubles{}), tag.ShardID(3))
	l.Info("not wanted")
	l.Warn("low disk", tag.Error(errors.New("no space")))
	require.Equal(t, "level=WARN msg=\"low disk\" shard-id=3 error=\"no space\"\n", out.String())
}

func TestFatal(t *testing.T) {
	l := newLogger(nil, &troubles{})
	cause := errors.New("no luck")
	fatal := func() { l.With(tag.ShardID(1)).Fatal("cannot go on", tag.Error(cause), tag.ShardID(3)) }

	func() {
		defer func() {
			err, _ := recover().(*fatalError)
			require.EqualError(t, err, "cannot go on shard-id=3: no luck")
			require.ErrorIs(t, err, cause)
		}()
		fatal()
		require.Fail(t, "returned")
	}()

	l.stopping.Store(true)
	ended := make(chan any)
	returned := false
	go func() {
		defer close(ended)
		fatal()
		returned = true
	}()
	<-ended
	require.False(t, returned)
}
