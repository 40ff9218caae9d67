package playbook

import (
	"fmt"
	"maps"
	"strings"

	"github.com/countersign/countersign/workflows/expr"
)

// scope is what can be read at one place of a playbook: the names and their types. It grows as
// steps are checked in order.
type scope struct {
	event *expr.Type
	// eventReads are the paths that expressions read of the event. Scopes of the same event share it.
	eventReads *[][]string
	inputs     *expr.Type
	vars       map[string]expr.Field
	steps      map[string]expr.Field
	hints      map[string]string     // steps that cannot be read here, and why
	names      map[string]*expr.Type // further names, such as error inside catch
	// ended explains names that end with an item of a loop: steps.<id> and vars.<name>. All scopes
	// of a playbook share it.
	ended map[string]string
	// depth is the length of what loops put before the id of a step that stands here.
	depth int
	// covered is true under an approval: an effect that cannot be undone may stand here.
	covered bool

	// facts are what is known of the values here, and over is true where a run never gets: it always
	// stops before.
	facts expr.Facts
	over  bool
	told  bool // that it is over
	// under are claims that hold in this block and nowhere else, and caught is true where the run
	// may go on though a step of the block has failed.
	under  []expr.Claim
	caught bool

	made *expr.Env // the environment, until a name is added
}

var runType = expr.Object(
	expr.Field{Name: "id", Type: expr.String},
	expr.Field{Name: "playbook", Type: expr.String},
	expr.Field{Name: "time", Type: expr.Timestamp},
)

// Status is what became of a step; expressions read it as steps.<id>.status.
type Status string

// statusType is what a step can be once it can be read.
var statusType = expr.OneOf(string(StatusDone), string(StatusFailed), string(StatusSkipped))

// The states of a step.
const (
	StatusPending Status = "pending"
	StatusRunning Status = "running"
	StatusWaiting Status = "waiting" // for people
	StatusDone    Status = "done"
	StatusSkipped Status = "skipped"
	StatusFailed  Status = "failed"
)

// eventOnly is what triggers and inputs may read: nothing has run yet. data is the type of the
// event's data, names what its own type can be.
func eventOnly(data *expr.Type, names ...string) *scope {
	return &scope{event: eventType(data, names...), eventReads: &[][]string{}}
}

// start is the scope of the first step; before is that of the inputs.
func (pb *Playbook) start(before *scope) *scope {
	fields := make([]expr.Field, len(pb.Inputs))
	for i, in := range pb.Inputs {
		fields[i] = expr.Field{Name: in.Name, Type: in.Type}
	}
	sc := &scope{
		event: before.event, eventReads: before.eventReads, inputs: expr.Object(fields...),
		vars: map[string]expr.Field{}, steps: map[string]expr.Field{}, hints: map[string]string{}, ended: map[string]string{},
	}
	Walk(pb.Steps, func(s *Step) {
		if s.named {
			sc.hints[s.ID] = fmt.Sprintf("the step %q cannot be read here: it runs later, or in another branch", s.ID)
		}
	})
	return sc
}

// add makes a step readable for those that follow.
func (sc *scope) add(s *Step, fields []expr.Field) {
	if !s.named {
		return
	}
	fields = append([]expr.Field{{Name: "status", Type: statusType}, {Name: "error", Type: expr.String, Optional: true, Why: "only a step that failed has it"}}, fields...)
	sc.steps[s.ID] = expr.Field{Name: s.ID, Type: expr.Object(fields...)}
	delete(sc.hints, s.ID)
	sc.made = nil
}

// forget makes a step's type unknown, after a mistake has been reported that leaves it so.
func (sc *scope) forget(id string) {
	sc.steps[id] = expr.Field{Name: id, Type: expr.Any}
	delete(sc.hints, id)
	sc.made = nil
}

func (sc *scope) setVar(f expr.Field) {
	sc.vars[f.Name] = f
	sc.facts = sc.facts.Unclaim(expr.Path("vars", f.Name))
	sc.made = nil
}

// changes forgets the values that steps set.
func (sc *scope) changes(steps []*Step) {
	for _, a := range assigned(steps) {
		sc.facts = sc.facts.Unclaim(expr.Path("vars", a.name))
	}
}

// cover is the scope in which the steps of an approval are resolved: they cannot read each other.
func (sc *scope) cover(why string, steps []*Step) *scope {
	c := sc.fork()
	c.covered, c.made = true, nil
	for _, s := range steps {
		c.hints[s.ID] = fmt.Sprintf("the step %q %s", s.ID, why)
	}
	return c
}

// fork is a scope that begins with the same names.
func (sc *scope) fork() *scope {
	c := *sc
	c.over, c.told = false, false
	c.vars, c.steps, c.hints, c.names = maps.Clone(sc.vars), maps.Clone(sc.steps), maps.Clone(sc.hints), maps.Clone(sc.names)
	return &c
}

// enter goes into a loop, or a step that may be run again, and returns how to leave it.
func (sc *scope) enter(loop *Step) (leave func()) {
	before := sc.depth
	sc.depth += len(loop.ID) + len("[1000].")
	return func() { sc.depth = before }
}

// name adds a name beside vars and steps. It hides one of an outer block.
func (sc *scope) name(name string, t *expr.Type) {
	if sc.names == nil {
		sc.names = map[string]*expr.Type{}
	}
	sc.names[name] = t
	sc.facts = sc.facts.Without(name)
	sc.made = nil
}

// take adds what a block changed that certainly ran to its end.
func (sc *scope) take(before, after *scope) {
	for _, id := range expr.Keys(after.steps) {
		if _, had := before.steps[id]; !had {
			sc.steps[id] = after.steps[id]
			delete(sc.hints, id)
		}
	}
	for _, name := range expr.Keys(after.vars) {
		if f, had := before.vars[name]; !had || f != after.vars[name] {
			sc.vars[name] = after.vars[name]
		}
	}
	sc.made = nil
}

// join takes in what branches added of which one ran, or, where rest is given, perhaps none; rest is
// known where none did. What a run that gets here may lack is optional, and why says so.
func (sc *scope) join(branches []*scope, rest *expr.Facts, why string) {
	var through []*scope // the branches that a run comes out of
	for _, branch := range branches {
		if !branch.over {
			through = append(through, branch)
		}
	}
	certain := rest == nil
	for _, branch := range branches {
		sc.joinVars(branch, through, certain, why)
		sc.joinSteps(branch, through, certain, why)
	}
	sc.over = certain && len(through) == 0
	known := expr.Nowhere()
	if !certain {
		known = *rest
	}
	for _, branch := range through {
		known = known.Or(branch.facts)
	}
	sc.facts, sc.made = known, nil
}

// joinSteps takes in the steps of a branch. The status stays: a step that did not run says so.
func (sc *scope) joinSteps(branch *scope, through []*scope, certain bool, why string) {
	for _, id := range expr.Keys(branch.steps) {
		f := branch.steps[id]
		if _, had := sc.steps[id]; had {
			continue
		}
		if f.Type.Kind() == expr.KindObject && !(certain && len(through) == 1 && through[0] == branch) {
			f.Type = expr.Object(skippable(f.Type.Fields(), why)...)
		}
		sc.steps[id] = f
		delete(sc.hints, id)
	}
}

func (sc *scope) joinVars(branch *scope, through []*scope, certain bool, why string) {
	for _, name := range expr.Keys(branch.vars) {
		f := branch.vars[name]
		everywhere := certain && len(through) > 0
		for _, one := range through {
			other, has := one.vars[name]
			everywhere = everywhere && has && !other.Optional
		}
		if before, had := sc.vars[name]; had {
			f.Type = before.Type.Either(f.Type)
			f.Optional, f.Why = before.Optional && !everywhere, before.Why
		} else if f.Optional = !everywhere; f.Why == "" {
			f.Why = why
		}
		sc.vars[name] = f
	}
}

// types are the names and types of the scope.
func (sc *scope) types() map[string]*expr.Type {
	types := map[string]*expr.Type{"event": sc.event}
	if sc.inputs == nil {
		return types
	}
	types["inputs"] = sc.inputs
	types["run"] = runType
	hints, lost := maps.Clone(sc.hints), map[string]string{}
	for _, name := range expr.Keys(sc.ended) {
		if id, ok := strings.CutPrefix(name, "steps."); ok {
			hints[id] = sc.ended[name]
		} else {
			lost[strings.TrimPrefix(name, "vars.")] = sc.ended[name]
		}
	}
	types["vars"] = objectOf(sc.vars).WithHints(lost)
	types["steps"] = objectOf(sc.steps).WithHints(hints)
	for _, name := range expr.Keys(sc.names) {
		types[name] = sc.names[name]
	}
	return types
}

func objectOf(byName map[string]expr.Field) *expr.Type {
	fields := make([]expr.Field, 0, len(byName))
	for _, name := range expr.Keys(byName) {
		fields = append(fields, byName[name])
	}
	return expr.Object(fields...)
}

func (sc *scope) env() *expr.Env {
	if sc.made == nil {
		sc.made = expr.NewEnv(sc.types())
	}
	return sc.made
}
