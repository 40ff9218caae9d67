package takeback_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/policy"
	"github.com/countersign/countersign/workflows/takeback"
)

var update = flag.Bool("update", false, "write the documents as they are into testdata")

// lamps are activities that take back: one of each effect. They take anything.
func lamps() playbook.Catalog {
	one := func(effect playbook.Effect, undo string) playbook.Signature {
		return playbook.Signature{Title: "t", Effect: effect, Version: 2, Undo: undo, Timeout: time.Second, Input: expr.Map(expr.Any), Output: expr.Any}
	}
	return playbook.Catalog{
		Groups: playbook.Table[[]string]{"oncall": {"p-alice", "p-bob"}, "leads": {"p-carol", "p-dan"}, "security": {"p-erin", "p-bob"}},
		Activities: playbook.Table[playbook.Signature]{
			"lamp.look": one(playbook.EffectRead, ""), "lamp.light": one(playbook.EffectChange, "lamp.douse"), "lamp.douse": one(playbook.EffectChange, "lamp.light"),
			"lamp.smash": one(playbook.EffectDestroy, ""),
		},
	}
}

// did is a change that one of them takes back.
func did(step, undo, input string) takeback.Done {
	signature, _ := lamps().Activities.Lookup(undo)
	return takeback.Done{
		Step: step, Activity: "lamp.douse", Version: 2, Title: "Douse a lamp", Signature: signature,
		Undo: &takeback.Call{Activity: undo, Version: 2, Input: json.RawMessage(input)},
	}
}

func change(d takeback.Done, f func(*takeback.Done)) takeback.Done {
	undo := *d.Undo
	d.Undo = &undo
	f(&d)
	return d
}

func auto() policy.Verdict { return policy.Verdict{Mode: policy.Automatic, Rule: "undo"} }

func asks(quorum int, expires time.Duration, groups ...string) policy.Verdict {
	return policy.Verdict{Mode: policy.Approval, Rule: strings.Join(groups, "-"), Need: grant.Need{Groups: groups, Quorum: quorum}, Expires: expires}
}

func many(n int) (done []takeback.Done, verdicts []policy.Verdict) {
	for i := range n {
		done = append(done, did(fmt.Sprintf("l[%d].a", i), "lamp.light", fmt.Sprintf(`{"n":%d}`, i)))
		verdicts = append(verdicts, auto())
	}
	return done, verdicts
}

func TestDocument(t *testing.T) {
	t.Parallel()
	desk, hall := did("a", "lamp.light", `{"lamp":"desk"}`), did("l[3].b", "lamp.douse", `{"lamp":"hall","tags":{"a":"b"},"levels":[1,2.50,true,null]}`)
	thirty, thirtyVerdicts := many(30)
	for name, tc := range map[string]struct {
		run      string
		done     []takeback.Done
		verdicts []policy.Verdict
	}{
		"automatic": {"aws-key/AKIA", []takeback.Done{desk, hall}, []policy.Verdict{auto(), auto()}},
		"approved":  {"aws-key/AKIA", []takeback.Done{desk, hall}, []policy.Verdict{asks(2, time.Hour, "oncall", "leads"), auto()}},
		"two-needs": {"aws-key/AKIA", []takeback.Done{desk, hall, desk}, []policy.Verdict{asks(1, 0, "oncall"), asks(1, 20*time.Minute, "leads"), asks(2, 10*time.Minute, "leads", "security")}},
		"destroys":  {"aws-key/AKIA", []takeback.Done{did("a", "lamp.smash", `{"lamp":"desk"}`), hall}, []policy.Verdict{asks(1, 0, "oncall"), auto()}},
		"left": {
			"aws-key/AKIA", []takeback.Done{
				change(desk, func(d *takeback.Done) { d.Step, d.Undo = "gone", nil }),
				change(desk, func(d *takeback.Done) { d.Step, d.Signature = "unknown", playbook.Signature{} }),
				change(desk, func(d *takeback.Done) { d.Step, d.Undo.Version = "old", 1 }),
				change(did("reads", "lamp.look", `{}`), func(*takeback.Done) {}),
				did("smashed", "lamp.smash", `{}`), did("manual", "lamp.light", `{}`), did("never", "lamp.light", `{}`), did("nobody", "lamp.light", `{}`),
				did("large", "lamp.light", `{"n":123456789012345678901234567890}`), did("strange", "lamp.light", `{"\u202e":1}`), desk,
			},
			[]policy.Verdict{auto(), auto(), auto(), auto(), auto(), {Mode: policy.Manual}, {Mode: policy.Never}, {Mode: policy.Approval}, auto(), auto(), auto()},
		},
		"many": {"aws-key/AKIA", thirty, thirtyVerdicts},
		"hostile": {
			"aws-key/sha256-ab", []takeback.Done{
				change(did("a", "lamp.light", `{"lamp":"${event.id} $${x} \u202edesk\u0000 }\" \\ é","b":"true","c":"2026-11-20T21:14:00Z","d":"#x: - y\n  z\n","é":" "}`), func(d *takeback.Done) {
					d.Title = "Douse ${1+1}\u202e\x1b[2K\n- stop: x" + strings.Repeat("x", 400)
				}),
				did("ÄÖ[1].~", "lamp.light", `{}`), did("ÄÖ[1].~", "lamp.light", `{}`), did(strings.Repeat("l[1].", 40), "lamp.light", `{}`), did(strings.Repeat("l[1].", 40), "lamp.light", `{}`),
			},
			[]policy.Verdict{asks(1, time.Second, "oncall"), auto(), auto(), auto(), auto()},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := takeback.Document(tc.run, tc.done, tc.verdicts)
			require.NoError(t, err)
			file := filepath.Join("testdata", name+".yaml")
			if *update {
				require.NoError(t, os.WriteFile(file, got, 0o644))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err, "run with -update to write it")
			require.Empty(t, cmp.Diff(string(want), string(got)))
			pb := compile(t, got)
			require.Equal(t, "undo-aws-key", pb.Name)
			requireInverses(t, pb, tc.done)
		})
	}
}

func compile(t require.TestingT, document []byte) *playbook.Playbook {
	pb, problems := playbook.Compile("undo.yaml", document, lamps())
	require.Empty(t, problems, string(document))
	return pb
}

// requireInverses wants each call of the document to be that of the record, by its digest, and the
// newest first.
func requireInverses(t require.TestingT, pb *playbook.Playbook, done []takeback.Done) {
	last := len(done)
	playbook.Walk(pb.Steps, func(s *playbook.Step) {
		a, ok := s.Verb.(*playbook.Activity)
		if !ok {
			return
		}
		require.True(t, s.Continue, "one that fails keeps nothing else from it")
		input, err := a.With.Eval(map[string]any{})
		require.NoError(t, err)
		what, err := digest.Of(takeback.Call{Activity: a.Name, Version: a.Signature.Version, Input: input})
		require.NoError(t, err)
		for last--; last >= 0; last-- {
			if done[last].Undo == nil {
				continue
			}
			if one, err := digest.Of(*done[last].Undo); err == nil && one == what {
				return
			}
		}
		require.Fail(t, "a call that no record has, or out of its order", "%s %s", a.Name, input)
	})
}

// What the sentence at the end says.
func TestOutcome(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		n    int
		end  func(i int) (status, reason string)
		want string
	}{
		"all": {3, func(int) (string, string) { return "done", "" }, "took back 3 of 3 changes; left 0 because the world has changed since"},
		"changed": {3, func(i int) (string, string) {
			return []string{"done", "failed", "failed"}[i], "aws.x: not permitted: the world has changed since the run left it"
		}, "took back 1 of 3 changes; left 2 because the world has changed since"},
		"failed":   {2, func(int) (string, string) { return "failed", "access denied" }, "took back 0 of 2 changes; left 0 because the world has changed since"},
		"skipped":  {2, func(int) (string, string) { return "skipped", "" }, "took back 0 of 2 changes; left 0 because the world has changed since"},
		"many":     {45, func(i int) (string, string) { return []string{"done", "failed"}[i%2], "the world has changed" }, "took back 23 of 45 changes; left 22 because the world has changed since"},
		"too many": {203, func(int) (string, string) { return "done", "" }, "took back 200 of 200 changes; left 0 because the world has changed since; 3 older changes are left for another time"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			done, verdicts := many(tc.n)
			document, err := takeback.Document("lamp/1", done, verdicts)
			require.NoError(t, err)
			pb := compile(t, document)
			values := map[string]any{"steps": map[string]any{}, "vars": map[string]any{}, "event": map[string]any{}, "inputs": map[string]any{}, "run": map[string]any{}}
			i := 0
			for _, s := range pb.Steps {
				switch v := s.Verb.(type) {
				case *playbook.Activity:
					status, reason := tc.end(i)
					told := map[string]any{"status": status}
					if status == "failed" {
						told["error"] = reason
					}
					values["steps"].(map[string]any)[s.ID] = told
					i++
				case *playbook.Set:
					for _, name := range v.Names() {
						raw, err := v.Values[name].Eval(values)
						require.NoError(t, err)
						values["vars"].(map[string]any)[name], err = v.Types[name].Decode(raw)
						require.NoError(t, err)
					}
				}
			}
			raw, err := pb.Outcome.Eval(values)
			require.NoError(t, err)
			require.Equal(t, fmt.Sprintf("%q", tc.want), string(raw))
		})
	}
}

func TestNothing(t *testing.T) {
	t.Parallel()
	_, err := takeback.Document("lamp/1", nil, nil)
	require.ErrorIs(t, err, takeback.ErrNothing)
	_, err = takeback.Document("lamp/1", []takeback.Done{{Step: "a"}}, []policy.Verdict{auto()})
	require.ErrorIs(t, err, takeback.ErrNothing)
	require.ErrorContains(t, err, "a (nothing takes it back)")
	_, err = takeback.Document("lamp/1", []takeback.Done{{Step: "a"}}, nil)
	require.ErrorContains(t, err, "0 verdicts for 1 changes")
	done, verdicts := many(1)
	_, err = takeback.Document("/1", done, verdicts)
	require.ErrorContains(t, err, "begins with the name of a playbook")
	_, err = takeback.Document("Not A Name\n/1", done, verdicts)
	require.NoError(t, err, "whether that is a playbook its compiler says")
}

// Large inputs make no file that is too large.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	done, verdicts := many(20)
	for i := range done {
		done[i].Undo.Input = json.RawMessage(`{"policy":"` + strings.Repeat("x", 20<<10) + `"}`)
	}
	document, err := takeback.Document("lamp/1", done, verdicts)
	require.NoError(t, err)
	compile(t, document)
	require.Contains(t, string(document), "older changes are left for another time")
}

// The longest name of a playbook still gives a name.
func TestLongName(t *testing.T) {
	t.Parallel()
	done, verdicts := many(1)
	for _, name := range []string{strings.Repeat("a", 100), strings.Repeat("a", 94) + "-bcdef"} {
		document, err := takeback.Document(name+"/1", done, verdicts)
		require.NoError(t, err)
		require.LessOrEqual(t, len(compile(t, document).Name), 100)
	}
}

// Whatever a run was given, what is made of it is a playbook, and its calls are those on record.
func TestDocumentOfAnything(t *testing.T) {
	t.Parallel()
	var anything func(depth int) *rapid.Generator[any]
	anything = func(depth int) *rapid.Generator[any] {
		some := []*rapid.Generator[any]{
			rapid.String().AsAny(), rapid.Bool().AsAny(), rapid.Int64().AsAny(), rapid.Float64Range(-1e15, 1e15).AsAny(), rapid.Just[any](nil),
			rapid.StringMatching(`[-#:{}\[\]&*!|>'"%@$ \\a0.\n\t~?,]{0,9}`).AsAny(), rapid.SampledFrom([]string{"${x}", "$${", "null", "1e3", "0x1f", "yes", "2026-11-20", "\u202e", "<<", "=", "\r"}).AsAny(),
		}
		if depth > 0 {
			some = append(some, rapid.SliceOfN(anything(depth-1), 0, 3).AsAny(), rapid.MapOfN(rapid.String(), anything(depth-1), 0, 3).AsAny())
		}
		return rapid.OneOf(some...)
	}
	rapid.Check(t, func(t *rapid.T) {
		var done []takeback.Done
		var verdicts []policy.Verdict
		for i := range rapid.IntRange(1, 4).Draw(t, "n") {
			input, err := json.Marshal(rapid.MapOfN(rapid.String(), anything(2), 0, 3).Draw(t, "input"))
			require.NoError(t, err)
			one := did(rapid.String().Draw(t, "step"), rapid.SampledFrom([]string{"lamp.light", "lamp.douse", "lamp.smash"}).Draw(t, "undo"), string(input))
			one.Title = rapid.String().Draw(t, "title")
			done = append(done, one)
			verdicts = append(verdicts, rapid.SampledFrom([]policy.Verdict{auto(), asks(1, time.Hour, "oncall"), asks(2, 0, "oncall", "leads"), {Mode: policy.Manual}}).Draw(t, fmt.Sprint("verdict", i)))
		}
		document, err := takeback.Document("lamp/1", done, verdicts)
		if err != nil {
			require.ErrorIs(t, err, takeback.ErrNothing)
			return
		}
		requireInverses(t, compile(t, document), done)
	})
}

// Whoever is asked about as much as fits is told that it is not all.
func TestQuestionOfTooMany(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{
		200: "",
		201: " That is not all: 1 older change is left for another time; undo the run again afterwards.",
		207: " That is not all: 7 older changes are left for another time; undo the run again afterwards.",
	} {
		done, _ := many(n)
		verdicts := make([]policy.Verdict, n)
		for i := range verdicts {
			verdicts[i] = policy.Verdict{Mode: policy.Approval, Need: grant.Need{Groups: []string{"oncall"}, Quorum: 1}}
		}
		document, err := takeback.Document("lamp/1", done, verdicts)
		require.NoError(t, err)
		for _, s := range compile(t, document).Steps {
			if approve, ok := s.Verb.(*playbook.Approve); ok {
				raw, err := approve.Message.Eval(nil)
				require.NoError(t, err)
				require.JSONEq(t, strconv.Quote("Take back these 200 changes of the run lamp/1, the newest first?"+want), string(raw))
			}
		}
	}
}
