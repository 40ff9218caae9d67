package fresh_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/fresh"
)

func TestFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "policy.yaml")
	write := func(text string) { require.NoError(t, os.WriteFile(name, []byte(text), 0o600)) }
	parsed := 0
	now := fresh.File(name, 10, func(raw []byte) (string, error) {
		parsed++
		if string(raw) == "bad" {
			return "", errors.New("it is bad")
		}
		return string(raw) + "!", nil
	})
	_, err := now()
	require.ErrorIs(t, err, os.ErrNotExist)

	write("one")
	for range 3 {
		got, err := now()
		require.NoError(t, err)
		require.Equal(t, "one!", got)
	}
	require.Equal(t, 1, parsed)

	write("two") // as long, and perhaps within the same tick of the file system's clock
	got, err := now()
	require.NoError(t, err)
	require.Equal(t, "two!", got)

	write("bad")
	got, err = now()
	require.ErrorContains(t, err, "policy.yaml: it is bad")
	require.Empty(t, got, "not what it said before")

	write("more than ten bytes")
	_, err = now()
	require.ErrorContains(t, err, "larger than 10 bytes")

	write("two")
	got, err = now()
	require.NoError(t, err)
	require.Equal(t, "two!", got)
}
