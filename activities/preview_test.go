package activities

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/countersign/countersign/activities/preview"
)

func TestPreviewsPanics(t *testing.T) {
	look := func(context.Context, lampInput) (preview.Preview, error) { return preview.Preview{}, nil }
	r := NewRegistry()
	Register(r, lampSpec("lamp.look", Read), noop)
	Register(r, lampSpec("lamp.douse", Change), noop)
	Previews(r, "lamp.douse", look)
	for name, activity := range map[string]string{"nothing": "lamp.none", "a read": "lamp.look", "one that has one": "lamp.douse"} {
		t.Run(name, func(t *testing.T) {
			require.PanicsWithValue(t, `activities: preview of "`+activity+`": there is no effect of that name that has none`, func() { Previews(r, activity, look) })
		})
	}
	a, _ := r.Lookup("lamp.douse")
	require.True(t, a.HasPreview())
	a, _ = r.Lookup("lamp.look")
	require.False(t, a.HasPreview())
}

func readPreview(r *Registry, by Authority, input string) (preview.Preview, error) {
	env := temporalEnv(r)
	r.Guard(by)
	got, err := env.ExecuteActivity(PreviewName("lamp.douse"), json.RawMessage(input))
	if err != nil {
		return preview.Preview{}, err
	}
	var p preview.Preview
	return p, got.Get(&p)
}

// A preview is an activity beside its effect; it needs no permit and asks no authority.
func TestPreviewThroughTemporal(t *testing.T) {
	h := &house{state: "lit", refuse: errors.New("never")}
	p, err := readPreview(h.registry(), h, deskLamp)
	require.NoError(t, err)
	require.Equal(t, []preview.Change{{Target: "desk", What: "state", Before: "lit", After: "dark"}}, p.Changes)
	h.state = "dark"
	p, err = readPreview(h.registry(), h, deskLamp)
	require.NoError(t, err)
	require.Empty(t, p.Changes)
	require.Empty(t, h.did)
}

// What the guard would not take is not looked at either, and errors say whether to try again.
func TestPreviewRefuses(t *testing.T) {
	looked, fail := 0, error(nil)
	r := NewRegistry()
	Register(r, lampSpec("lamp.douse", Change), noop)
	Previews(r, "lamp.douse", func(ctx context.Context, _ lampInput) (preview.Preview, error) {
		require.NotEmpty(t, InfoFrom(ctx).Run, "it knows for whom it looks")
		looked++
		return preview.Preview{}, fail
	})
	for name, tc := range map[string]struct {
		input  string
		fail   error
		kind   string
		final  bool
		looked int
	}{
		"a field that is none": {`{"lamp":"desk","lmap":"x"}`, nil, "BadInput", true, 0},
		"an empty target":      {`{"lamp":""}`, nil, "BadInput", true, 0},
		"gone":                 {deskLamp, Permanent("NoSuchLamp", errors.New("no lamp")), "NoSuchLamp", true, 1},
		"busy":                 {deskLamp, Passing("Throttling", 0, errors.New("later")), "Throttling", false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			looked, fail = 0, tc.fail
			_, err := readPreview(r, allow{}, tc.input)
			var app *temporal.ApplicationError
			require.ErrorAs(t, err, &app)
			require.Equal(t, tc.kind, app.Type())
			require.Equal(t, tc.final, app.NonRetryable())
			require.Equal(t, tc.looked, looked)
		})
	}
}

// In a rehearsal nothing is looked at, and nothing would change.
func TestPreviewOfAStub(t *testing.T) {
	h := &house{state: "lit"}
	stubs := h.registry().Stub(func(context.Context, string, json.RawMessage) (json.RawMessage, error) {
		return nil, errors.New("not asked")
	})
	p, err := readPreview(stubs, allow{}, deskLamp)
	require.NoError(t, err)
	require.Empty(t, p.Changes)
	a, _ := stubs.Lookup("lamp.douse")
	require.True(t, a.HasPreview())
}

// A preview that lists nothing has one name, however it came to list nothing.
func TestPreviewDigest(t *testing.T) {
	none, err := preview.Preview{}.Digest()
	require.NoError(t, err)
	empty, err := preview.Preview{Changes: []preview.Change{}}.Digest()
	require.NoError(t, err)
	require.Equal(t, none, empty)
	one, err := preview.Preview{Changes: []preview.Change{{Target: "desk"}}}.Digest()
	require.NoError(t, err)
	require.NotEqual(t, none, one)
}
