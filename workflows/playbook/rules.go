package playbook

// Rule is what a problem is an example of. Each is in a file of its own, rule_<id>.go, with the
// code of its check where the check does nothing else.
type Rule struct {
	ID string
	// Description says what holds, and Why what would happen otherwise. Sentences.
	Description string
	Why         string
	// Example is a short playbook that breaks the rule, and Problem what its author is told first,
	// as file:line:col: message [rule]. A test holds one against the other.
	Example string
	Problem string
}

// Rules are all rules of the language, in the order in which a file is read.
func Rules() []Rule {
	return []Rule{
		syntaxRule(),
		limitsRule(),
		unknownKeyRule(),
		duplicateKeyRule(),
		missingKeyRule(),
		wrongTypeRule(),
		badValueRule(),
		boundRule(),
		missingBoundRule(),
		oneVerbRule(),
		unknownEventRule(),
		unknownActivityRule(),
		unknownInputRule(),
		missingInputRule(),
		expressionRule(),
		duplicateIDRule(),
		coveredRule(),
		needsApprovalRule(),
		noUndoRule(),
		undoRule(),
		finallyRule(),
		unknownWorkflowRule(),
		unknownPlaybookRule(),
		cannotCallRule(),
		sharedVarRule(),
		mayBeMissingRule(),
		unreachableRule(),
		neverMatchesRule(),
		neverDueRule(),
		unknownGroupRule(),
		untrustedTextRule(),
	}
}
