package standin

import (
	"net/http"
	"strings"
)

var lambdaRoutes = []route{
	{"GET", "/2019-09-30/functions/{FunctionName}/concurrency", "GetFunctionConcurrency"},
	{"PUT", "/2017-10-31/functions/{FunctionName}/concurrency", "PutFunctionConcurrency"},
	{"DELETE", "/2017-10-31/functions/{FunctionName}/concurrency", "DeleteFunctionConcurrency"},
	{"GET", "/2017-03-31/tags/{Resource}", "ListTags"},
}

var lambdaOperations = map[string]operation{
	"GetFunctionConcurrency":    {run: getFunctionConcurrency},
	"PutFunctionConcurrency":    {run: putFunctionConcurrency, effect: changes},
	"DeleteFunctionConcurrency": {run: deleteFunctionConcurrency, effect: changes},
	"ListTags":                  {run: listFunctionTags},
}

// unreserved is how many concurrent calls Lambda keeps for functions that reserve none, and accountConcurrency
// how many an account has.
const (
	unreserved         = 100
	accountConcurrency = 1000
)

// Function is a Lambda function, by its name.
type Function struct {
	// Reserved is how many calls may run at once; nil: it shares what the account has.
	Reserved *int              `json:"reserved,omitempty"`
	Tags     map[string]string `json:"tags,omitempty"`
}

// function finds the function that a request names, by name or ARN.
func (c *call) function(name string) (*Function, error) {
	arn := "arn:aws:lambda:" + c.region + ":" + c.caller.Account + ":function:"
	if f := c.here().Functions[strings.TrimPrefix(name, arn)]; f != nil {
		return f, nil
	}
	return nil, fail(http.StatusNotFound, "ResourceNotFoundException", "Function not found: %s%s", arn, strings.TrimPrefix(name, arn))
}

func getFunctionConcurrency(c *call) (any, error) {
	f, err := c.function(c.path["FunctionName"])
	if err != nil {
		return nil, err
	}
	return f.concurrency(), nil
}

func (f *Function) concurrency() map[string]any {
	if f.Reserved == nil {
		return map[string]any{}
	}
	return map[string]any{"ReservedConcurrentExecutions": *f.Reserved}
}

func putFunctionConcurrency(c *call) (any, error) {
	f, err := c.function(c.path["FunctionName"])
	if err != nil {
		return nil, err
	}
	in := struct{ ReservedConcurrentExecutions *int }{}
	if refused := c.into(&in); refused != nil {
		return nil, refused
	}
	want := in.ReservedConcurrentExecutions
	if want == nil || *want < 0 {
		return nil, bad("InvalidParameterValueException", "ReservedConcurrentExecutions is required, and not negative")
	}
	others := 0
	for _, other := range c.here().Functions {
		if other != f && other.Reserved != nil {
			others += *other.Reserved
		}
	}
	if *want > 0 && *want+others > accountConcurrency-unreserved {
		return nil, bad("InvalidParameterValueException",
			"Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [%d].", unreserved)
	}
	if f.Reserved == nil || *f.Reserved != *want {
		f.Reserved, c.changed = want, true
	}
	return f.concurrency(), nil
}

func deleteFunctionConcurrency(c *call) (any, error) {
	f, err := c.function(c.path["FunctionName"])
	if err != nil {
		return nil, err
	}
	if f.Reserved != nil {
		f.Reserved, c.changed = nil, true
	}
	return nil, nil
}

func listFunctionTags(c *call) (any, error) {
	f, err := c.function(c.path["Resource"])
	if err != nil {
		return nil, err
	}
	tags := map[string]string{}
	for name, value := range f.Tags {
		tags[name] = value
	}
	return map[string]any{"Tags": tags}, nil
}
