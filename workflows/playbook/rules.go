package playbook

// Rule is what a problem is an example of.
type Rule struct {
	ID          string
	Description string
}

// Rules are all rules of the language, in the order in which a file is read.
func Rules() []Rule {
	return []Rule{
		{ruleSyntax, "The file is strict YAML: UTF-8, one document, no anchors, aliases, tags or merge keys, and no invisible characters."},
		{ruleLimits, "The file stays within the bounds on size, depth, values and steps."},
		{ruleUnknownKey, "Every key is one that the language has in this place."},
		{ruleDuplicateKey, "A key stands once in a mapping."},
		{ruleMissingKey, "Every key that is needed is there."},
		{ruleWrongType, "Every value has the type that its place wants."},
		{ruleBadValue, "Names and words have the form that their place wants."},
		{ruleBound, "Durations and numbers are within their bounds."},
		{ruleVerb, "A step has exactly one verb."},
		{ruleActivity, "An activity is one that is registered."},
		{ruleInput, "An activity is given only inputs that it takes."},
		{ruleMissingInput, "An activity is given every input that it needs."},
		{ruleExpression, "Expressions are CEL of the right type, and read only what is there by then."},
		{ruleDuplicateID, "The id of a step is that of no other."},
		{ruleCovered, "An approval covers calls of activities that can be resolved before anyone decides."},
		{ruleNeedsApproval, "What cannot be undone stands under an approval."},
		{ruleFinally, "What runs at the end of a try, whatever happened, does not hide how it ended."},
		{ruleSharedVar, "What runs side by side, or once per item, sets values of its own."},
	}
}
