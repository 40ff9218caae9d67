package activities

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRegisterPanics(t *testing.T) {
	spec := func(change func(*Spec)) Spec {
		s := lampSpec("lamp.douse", Change)
		change(&s)
		return s
	}
	for name, tc := range map[string]struct {
		spec Spec
		want string
	}{
		"no name":             {spec(func(s *Spec) { s.Name = "" }), "want dotted lower case"},
		"name without a dot":  {spec(func(s *Spec) { s.Name = "lamp" }), "want dotted lower case"},
		"upper case":          {spec(func(s *Spec) { s.Name = "lamp.Douse" }), "want dotted lower case"},
		"no title":            {spec(func(s *Spec) { s.Title = "" }), "title is missing"},
		"unknown effect":      {spec(func(s *Spec) { s.Effect = "perhaps" }), "want read, change or destroy"},
		"change without undo": {spec(func(s *Spec) { s.Undo = "" }), "one that cannot be undone is a destroy"},
		"destroy with undo":   {spec(func(s *Spec) { s.Effect = Destroy }), "a destroy has no undo"},
		"read with undo":      {spec(func(s *Spec) { s.Effect = Read }), "a read has no undo"},
		"effect on nothing":   {spec(func(s *Spec) { s.Targets = nil }), "names the input fields that are its targets"},
		"negative timeout":    {spec(func(s *Spec) { s.Timeout = -1 }), "not negative"},
		"unknown target":      {spec(func(s *Spec) { s.Targets = []string{"bulb"} }), `target "bulb" is not a required field`},
		"unknown sink":        {spec(func(s *Spec) { s.Sinks = map[string]Sink{"bulb": Command} }), `sink "bulb" is not a field of the input that is a string`},
		"sink of no text":     {spec(func(s *Spec) { s.Sinks = map[string]Sink{"rooms": Command} }), `sink "rooms" is not a field of the input that is a string`},
		"sink of no kind":     {spec(func(s *Spec) { s.Sinks = map[string]Sink{"lamp": "shell"} }), `sink "lamp" is "shell": want command, url_host or query`},
		"optional target":     {spec(func(s *Spec) { s.Targets = []string{"rooms"} }), `target "rooms" is not a required field`},
		"taken name":          {spec(func(s *Spec) { s.Name = "lamp.light" }), "the name is taken"},
	} {
		t.Run(name, func(t *testing.T) {
			r := NewRegistry()
			Register(r, lampSpec("lamp.light", Change), noop)
			defer func() { require.Contains(t, recover(), tc.want) }()
			Register(r, tc.spec, noop)
		})
	}
}

func TestRegisterPanicsForTypes(t *testing.T) {
	read := Spec{Name: "lamp.look", Title: "Look at a lamp", Effect: Read}
	require.PanicsWithValue(t, `activities: register "lamp.look": input: want a struct, got string`, func() {
		Register(NewRegistry(), read, func(context.Context, string) (lampOutput, error) { return lampOutput{}, nil })
	})
	require.Panics(t, func() {
		Register(NewRegistry(), read, func(context.Context, lampInput) (struct{ C chan int }, error) { return struct{ C chan int }{}, nil })
	})
}

func TestAllIsByName(t *testing.T) {
	r := NewRegistry()
	for _, name := range []string{"lamp.light", "lamp.douse", "bulb.break"} {
		Register(r, lampSpec(name, Destroy), noop)
	}
	var names []string
	for _, a := range r.All() {
		names = append(names, a.Name)
	}
	require.Equal(t, []string{"bulb.break", "lamp.douse", "lamp.light"}, names)
	a, ok := r.Lookup("lamp.douse")
	require.True(t, ok)
	require.Equal(t, 1, a.Version)
	require.Equal(t, DefaultTimeout, a.Timeout)
	_, ok = r.Lookup("lamp.look")
	require.False(t, ok)
}

func TestSchema(t *testing.T) {
	type part struct {
		ID string `json:"id"`
	}
	type input struct {
		Account string `json:"account"`
		Note    string `json:"note,omitempty"`
		Days    int    `json:"days,omitempty"`
		Parts   []part `json:"parts,omitempty"`
	}
	s, err := schemaOf[input](refuseEmptyStrings)
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		in string
		ok bool
	}{
		"all there":                   {`{"account":"1","note":"n","days":2,"parts":[{"id":"a"}]}`, true},
		"optional left out":           {`{"account":"1"}`, true},
		"optional and empty":          {`{"account":"1","note":""}`, true},
		"required missing":            {`{"note":"n"}`, false},
		"required and empty":          {`{"account":""}`, false},
		"required and empty inside":   {`{"account":"1","parts":[{"id":""}]}`, false},
		"unknown field":               {`{"account":"1","acount":"2"}`, false},
		"unknown field inside":        {`{"account":"1","parts":[{"id":"a","is":"b"}]}`, false},
		"another case is another key": {`{"Account":"1"}`, false},
		"wrong type":                  {`{"account":1}`, false},
		"fraction of an integer":      {`{"account":"1","days":1.5}`, false},
		"no object":                   {`[]`, false},
		"null":                        {`null`, false},
		"no JSON":                     {`{`, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := s.Validate([]byte(tc.in))
			if tc.ok {
				require.NoError(t, err)
			} else {
				require.Error(t, err)
			}
		})
	}
}
