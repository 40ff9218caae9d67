package playbook_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

var update = flag.Bool("update", false, "write the messages as they are into testdata")

type lampInput struct {
	Lamp   string            `json:"lamp"`
	Tags   map[string]string `json:"tags,omitempty"`
	Levels []int             `json:"levels,omitempty"`
	Dim    float64           `json:"dim,omitempty"`
	At     time.Time         `json:"at,omitzero"`
	Where  place             `json:"where,omitzero"`
}

type tellInput struct {
	Script string `json:"script,omitempty"`
	URL    string `json:"url,omitempty"`
	Search string `json:"search,omitempty"`
	Note   string `json:"note,omitempty"`
}

type place struct {
	Room  string `json:"room"`
	Floor int    `json:"floor"`
}

type lampOutput struct {
	State  string            `json:"state"`
	Watts  float64           `json:"watts"`
	Rooms  []string          `json:"rooms"`
	Tags   map[string]string `json:"tags"`
	Seen   time.Time         `json:"seen"`
	Remark string            `json:"remark,omitempty"`
}

// lamps are the activities of these tests: one of each effect, and changes that are not taken back
// as they should be.
func lamps() playbook.Catalog {
	r := activities.NewRegistry()
	noop := func(context.Context, lampInput) (lampOutput, error) { return lampOutput{}, nil }
	for name, effect := range map[string]activities.Effect{
		"lamp.look": activities.Read, "lamp.douse": activities.Change, "lamp.light": activities.Change, "lamp.smash": activities.Destroy,
		"lamp.paint": activities.Change, "lamp.wire": activities.Change, "lamp.mount": activities.Change, "lamp.hang": activities.Change,
	} {
		spec := activities.Spec{Name: name, Title: "Do a thing to a lamp", Effect: effect, Targets: []string{"lamp"}}
		spec.Undo = map[string]string{
			"lamp.douse": "lamp.light", "lamp.light": "lamp.douse",
			"lamp.paint": "lamp.strip", "lamp.wire": "lamp.look", "lamp.mount": "lamp.smash", "lamp.hang": "lamp.lower",
		}[name]
		activities.Register(r, spec, noop)
	}
	activities.Register(r, activities.Spec{Name: "lamp.lower", Title: "Lower a lamp", Effect: activities.Change, Undo: "lamp.hang", Targets: []string{"hook"}},
		func(context.Context, hookInput) (lampOutput, error) { return lampOutput{}, nil })
	activities.Register(r, activities.Spec{
		Name: "lamp.tell", Title: "Tell a lamp what to do", Effect: activities.Read,
		Sinks: map[string]activities.Sink{"script": activities.Command, "url": activities.URLHost, "search": activities.Query},
	}, func(context.Context, tellInput) (lampOutput, error) { return lampOutput{}, nil })
	c := workflows.Catalog(r)
	c.Groups = playbook.Table[[]string]{
		"oncall": {"alice@example.com", "bob@example.com"}, "janitors": {"bob@example.com", "carol@example.com"}, "facility": {"dave@example.com"}, "night-watch": {"erin@example.com"},
	}
	c.Events = playbook.Table[*expr.Type]{
		"lamp.fused": expr.Object(
			expr.Field{Name: "lamp", Type: expr.String},
			expr.Field{Name: "amps", Type: expr.Double},
			expr.Field{Name: "at", Type: expr.Timestamp},
			expr.Field{Name: "bulb", Optional: true, Type: expr.Object(expr.Field{Name: "maker", Type: expr.String})},
			expr.Field{Name: "tags", Optional: true, Type: expr.List(expr.Object(expr.Field{Name: "key", Type: expr.String}))},
			expr.Field{Name: "extra", Optional: true, Type: expr.Any},
		),
		"lamp.stolen": expr.Object(
			expr.Field{Name: "lamp", Type: expr.String},
			expr.Field{Name: "at", Type: expr.Timestamp},
			expr.Field{Name: "thief", Type: expr.String},
		),
	}
	c.Workflows = playbook.Table[playbook.WorkflowSignature]{"lamp.report": {
		Title: "Report on lamps", Timeout: time.Hour,
		Input:  expr.Object(expr.Field{Name: "lamps", Type: expr.List(expr.String)}, expr.Field{Name: "since", Type: expr.Timestamp, Optional: true}),
		Output: expr.Object(expr.Field{Name: "lit", Type: expr.Int}),
	}}
	c.Playbooks = callees(c, map[string]string{
		"douse-lamp": "inputs: {lamp: {type: string}, times: {type: int, default: 1}}\nsteps: [{stop: doused}]",
		"mend-lamp": "triggers: [{event: lamp.broken}, {event: lamp.old}]\ninputs: {lamp: {type: string, from: event.data.lamp}, floor: {type: int, from: event.data.floor, default: 0}}\n" +
			"steps: [{title: Mend what the event names, stop: mended}]",
		"sell-lamp": "triggers: [{event: lamp.old}]\nsteps: [{stop: 'sold ${event.data.lamp}'}]",
	})
	c.Playbooks["looping"] = playbook.Callee{Why: "it leads back here: p calls looping calls p"}
	c.Playbooks["newer"] = playbook.Callee{Plan: playbook.Plan{Format: 2}}
	deep := playbook.Plan{}
	for range 5 {
		deep = playbook.Plan{Format: 1, Document: c.Playbooks["douse-lamp"].Plan.Document, Playbooks: map[string]playbook.Plan{"inner": deep}}
	}
	c.Playbooks["deep"] = playbook.Callee{Plan: deep}
	return c
}

// callees are playbooks that others may call.
func callees(c playbook.Catalog, texts map[string]string) playbook.Table[playbook.Callee] {
	table := playbook.Table[playbook.Callee]{}
	for name, text := range texts {
		pb, problems := playbook.Compile(name+".yaml", []byte("playbook: "+name+"\nstage: run\n"+text), c)
		if len(problems) > 0 {
			panic(problems)
		}
		table[name] = playbook.Callee{Plan: pb.Plan}
	}
	return table
}

// hookInput has a field that no lamp has, and one that a lamp need not have.
type hookInput struct {
	Hook   string  `json:"hook"`
	Dim    float64 `json:"dim"`
	Remark string  `json:"remark,omitempty"`
}

func compile(t testing.TB, text string) *playbook.Playbook {
	t.Helper()
	pb, problems := playbook.Compile("test.yaml", []byte(text), lamps())
	require.Empty(t, problems)
	return pb
}

// Each file of testdata/err is a mistake, and the file .out beside it what its author is told.
func TestMistakes(t *testing.T) {
	files, err := filepath.Glob("testdata/err/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			pb, problems := playbook.Compile(filepath.Base(file), text, lamps())
			require.Nil(t, pb)
			require.NotEmpty(t, problems, "the file is in testdata/err")
			got := problems.Error() + "\n"
			out := strings.TrimSuffix(file, ".yaml") + ".out"
			if *update {
				require.NoError(t, os.WriteFile(out, []byte(got), 0o600))
			}
			want, err := os.ReadFile(out)
			require.NoError(t, err)
			require.Equal(t, string(want), got)

			requirePlaces(t, string(text), problems)

			// A file is named after the rule that it is an example of, and breaks that rule first of all.
			require.True(t, strings.HasPrefix(filepath.Base(file), problems[0].Rule), "it is an example of %s", problems[0].Rule)
		})
	}
}

// requirePlaces looks whether what a message calls unknown is at the place it names.
func requirePlaces(t *testing.T, text string, problems playbook.Problems) {
	t.Helper()
	lines := strings.Split(text, "\n")
	for _, p := range problems {
		require.LessOrEqual(t, p.Line, len(lines), p)
		if m := regexp.MustCompile(`unknown name "(\w+)"`).FindStringSubmatch(p.Message); m != nil {
			require.True(t, strings.HasPrefix(string([]rune(lines[p.Line-1])[p.Column-1:]), m[1]), p)
		}
	}
}

func TestNoMistakes(t *testing.T) {
	files, err := filepath.Glob("testdata/ok/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			pb, problems := playbook.Compile(file, text, lamps())
			require.Empty(t, problems)
			requireFixedPoint(t, pb)
		})
	}
}
