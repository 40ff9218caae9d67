package policy

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/countersign/countersign/workflows/expr"
)

// FactsOf gathers what a call says of itself: the account and the region are what its input has
// under these names, the targets every text in the fields that are targets, numbers as their
// digits. Who asks adds Playbook, StartedBy, Undo and Now.
func FactsOf(activity, effect string, targets []string, input json.RawMessage) (Facts, error) {
	v, err := expr.Any.Decode(input)
	if err != nil {
		return Facts{}, fmt.Errorf("read the input of %s for the policy: %w", activity, err)
	}
	fields, ok := v.(map[string]any)
	if !ok {
		return Facts{}, fmt.Errorf("read the input of %s for the policy: want an object", activity)
	}
	f := Facts{Activity: activity, Effect: effect, Input: fields, Targets: []string{}}
	f.Account, _ = fields["account"].(string)
	f.Region, _ = fields["region"].(string)
	for _, name := range targets {
		f.Targets = appendTexts(f.Targets, fields[name])
	}
	return f, nil
}

// appendTexts adds the texts of a value, in an order that is always the same.
func appendTexts(out []string, v any) []string {
	switch v := v.(type) {
	case string:
		return append(out, v)
	case int64, float64:
		return append(out, fmt.Sprint(v))
	case []any:
		for _, item := range v {
			out = appendTexts(out, item)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			out = appendTexts(out, v[name])
		}
	}
	return out
}

// weekdays are the values of now.weekday, from Sunday as package time counts.
var weekdays = []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

// env is what rules may read.
var env = sync.OnceValue(func() *expr.Env {
	field := func(name string, t *expr.Type) expr.Field { return expr.Field{Name: name, Type: t} }
	return expr.NewEnv(map[string]*expr.Type{
		"call": expr.Object(
			field("activity", expr.String), field("effect", expr.OneOf("change", "destroy")), field("account", expr.String), field("region", expr.String),
			field("targets", expr.List(expr.String)), field("count", expr.Int), field("undo", expr.OneOf("", UndoByRun, UndoByPerson)), field("input", expr.Any),
		),
		"account": expr.Object(field("tags", expr.Map(expr.String))),
		"run":     expr.Object(field("playbook", expr.String), field("started_by", expr.String)),
		"now": expr.Object(
			field("time", expr.Timestamp), field("date", expr.String), field("hour", expr.Int), field("minute", expr.Int), field("weekday", expr.OneOf(weekdays...)),
		),
	})
})

// values are the facts as rules read them.
func (p *Policy) values(f Facts) map[string]any {
	targets := make([]any, len(f.Targets))
	for i, t := range f.Targets {
		targets[i] = t
	}
	tags := map[string]any{}
	for name, value := range p.Tags(f.Account) {
		tags[name] = value
	}
	var input any = f.Input
	if f.Input == nil {
		input = map[string]any{}
	}
	now := f.Now.In(p.zone)
	return map[string]any{
		"call": map[string]any{
			"activity": f.Activity, "effect": f.Effect, "account": f.Account, "region": f.Region,
			"targets": targets, "count": int64(len(f.Targets)), "undo": f.Undo, "input": input,
		},
		"account": map[string]any{"tags": tags},
		"run":     map[string]any{"playbook": f.Playbook, "started_by": f.StartedBy},
		"now": map[string]any{
			"time": f.Now.UTC(), "date": now.Format(time.DateOnly), "hour": int64(now.Hour()), "minute": int64(now.Minute()), "weekday": weekdays[now.Weekday()],
		},
	}
}

// Tags are those of an account in the file. Names of accounts are compared without regard to case:
// another spelling of an account must not meet laxer rules.
func (p *Policy) Tags(account string) map[string]string { return p.accounts[string(fold(account))] }

// topicOf names what a breaker counts, as the ledger's intents do.
func topicOf(activity, account string) string { return activity + "@" + account }

// ofTopic takes a topic apart. A name of an activity has no @.
func ofTopic(topic string) (activity, account string) {
	activity, account, _ = strings.Cut(topic, "@")
	return activity, account
}
