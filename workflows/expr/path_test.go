package expr

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A path is typed without CEL. Whatever it takes CEL must take too, and give the same type.
func TestPathsAreTypedAsCELTypesThem(t *testing.T) {
	t.Parallel()
	long := Any
	for range maxNames {
		long = Object(Field{Name: "a", Type: long})
	}
	env := NewEnv(map[string]*Type{
		"inputs": Object(Field{Name: "n", Type: Int}, Field{Name: "in_", Type: Duration}, Field{Name: "as", Type: Bool}, Field{Name: "maybe", Type: Bool, Optional: true}),
		"event":  Object(Field{Name: "data", Type: Any}, Field{Name: "time", Type: Timestamp}),
		"tags":   Map(List(Object(Field{Name: "x", Type: Double}))),
		"none":   Null,
		"a":      long,
	})
	deep := "a" + strings.Repeat(".a", maxNames-1)
	for source, isPath := range map[string]bool{
		"inputs": true, "inputs.n": true, " inputs.in_\n": true, "event.data": true, "event.data.x.y_2.Z": true, "event.time": true,
		"tags.owner": false, "tags": true, "none": true, deep: true,
		"": false, ".inputs": false, "inputs.": false, "inputs..n": false, "inputs.as": false, "inputs.maybe": false, "inputs.none": false, "nobody": false,
		"event.data.in": false, "event.data.null": false, "event.data.2x": false, "event.data.é": false, "event .data": false, "event.data // x": false,
		"event.time.x": false, "none.x": false, "true": false, "string": false, "1.5": false, "event.data.?x": false, "tags[\"x\"]": false, deep + ".a": false,
		"event." + strings.Repeat("x", maxPath): false,
	} {
		p := env.path(source)
		require.Equal(t, isPath, p != nil, source)
		if !isPath {
			continue
		}
		checked, problems := env.check(source)
		require.Empty(t, problems, source)
		require.True(t, p.result.Same(checked.result), source)
		require.True(t, p.Stable() && checked.Stable(), source)
		require.Equal(t, checked.Paths(), p.Paths(), source)
		program, err := p.cel()
		require.NoError(t, err, source)
		require.NotNil(t, program)
	}
}
