package aws

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

const (
	functionInput = `{"account":"111122223333","region":"us-east-1","function":"payments-webhook"}`
	noFunction    = `{"account":"111122223333","region":"us-east-1","function":"nobody"`
)

func functionCalls(s *service) calls {
	return calls{"aws.lambda.freeze_function": erased(s.freezeFunction), "aws.lambda.unfreeze_function": erased(s.unfreezeFunction)}
}

var functionChanges = []change{
	{
		name: "aws.lambda.freeze_function", input: functionInput, acts: []string{"PutFunctionConcurrency"},
		service: "lambda", act: "PutFunctionConcurrency", back: "GetFunctionConcurrency", backCall: 1,
		missing: noFunction + `}`, kind: "ResourceNotFoundException",
	},
	{
		name: "aws.lambda.unfreeze_function", after: []before{{"aws.lambda.freeze_function", functionInput}}, acts: []string{"PutFunctionConcurrency"},
		service: "lambda", act: "PutFunctionConcurrency", back: "GetFunctionConcurrency", backCall: 1,
		missing: noFunction + `,"previous_concurrency":{"reserved":false,"executions":0}}`, kind: "ResourceNotFoundException",
	},
}

var functionViews = map[string]view{"aws.lambda.freeze_function": seeFunction, "aws.lambda.unfreeze_function": seeFunction}

func function(s *standin.State) *standin.Function { return region(s).Functions[standin.SampleFunction] }

func seeFunction(s *standin.State) seen {
	say := "none"
	if n := function(s).Reserved; n != nil {
		say = strconv.Itoa(*n)
	}
	return seen{"Lambda function payments-webhook" + inRegion + ": reserved concurrency": say}
}

var functionMeddling = meddlers{
	"aws.lambda.freeze_function": {
		"it is given some": func(s *standin.State) { *function(s).Reserved = 3 },
		"it has none":      func(s *standin.State) { function(s).Reserved = nil },
		"it is gone":       func(s *standin.State) { delete(region(s).Functions, standin.SampleFunction) },
	},
	"aws.lambda.unfreeze_function": {"it is given some": func(s *standin.State) { *function(s).Reserved = 3 }},
}

// Undo puts back exactly what was reserved, which nothing is not the same as 0.
func TestUnfreezeFunction(t *testing.T) {
	some, none := 40, 0
	for name, before := range map[string]*int{"none reserved": nil, "some": &some, "frozen before": &none} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Update(func(s *standin.State) { function(s).Reserved = before })
			out := w.run(t, "aws.lambda.freeze_function", functionInput)
			undo, input := w.undo(t, "aws.lambda.freeze_function", functionInput, out)
			w.run(t, undo, input)
			state := w.State()
			require.Equal(t, before, function(&state).Reserved)
		})
	}
}

func TestUnfreezeOfAChangedFunction(t *testing.T) {
	w := newWorld(t)
	out := w.run(t, "aws.lambda.freeze_function", functionInput)
	undo, input := w.undo(t, "aws.lambda.freeze_function", functionInput, out)
	w.Update(func(s *standin.State) { *function(s).Reserved = 3 })
	_, err := w.attempt(step(t.Context()), t, undo, input)
	require.Equal(t, "ChangedSince", kindOf(t, err).Kind)
	require.ErrorContains(t, err, "its reserved concurrency is 3, and was left 0")
}

func TestFunctionsThatAreRefused(t *testing.T) {
	w := newWorld(t)
	for name, input := range map[string]string{
		"an ARN":           strings.Replace(functionInput, "payments-webhook", "arn:aws:lambda:us-east-1:111122223333:function:x", 1),
		"a version":        strings.Replace(functionInput, "payments-webhook", "payments-webhook:7", 1),
		"a wildcard":       strings.Replace(functionInput, "payments-webhook", "payments-*", 1),
		"another function": noFunction + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.attempt(step(t.Context()), t, "aws.lambda.freeze_function", input)
			require.True(t, kindOf(t, err).Permanent)
		})
	}
	w.Update(func(s *standin.State) { function(s).Tags[protectedTag] = "" })
	_, err := w.attempt(step(t.Context()), t, "aws.lambda.freeze_function", functionInput)
	require.Equal(t, "Protected", kindOf(t, err).Kind)
	_, err = w.attempt(step(t.Context()), t, "aws.lambda.unfreeze_function",
		strings.Replace(functionInput, "}", `,"previous_concurrency":{"reserved":false,"executions":7}}`, 1))
	require.Equal(t, "BadInput", kindOf(t, err).Kind)
	require.Empty(t, w.Mutations())
}
