package playbook

const ruleNoUndo = "no-undo"

func noUndoRule() Rule {
	return Rule{
		ID:          ruleNoUndo,
		Description: "A change has an undo, which is there and is no mere read.",
		Why:         "A change runs without an approval because it can be taken back. One that cannot be is a destroy, whatever it calls itself.",
		Example: `playbook: example
stage: run
steps:
  - activity: aws.s3.block_public_access
    with: {bucket: leaked}
`,
		Problem: `example.yaml:4:15: aws.s3.block_public_access is a change without undo: aws.s3.restore_public_access, which takes it back, is no activity here [no-undo]`,
	}
}

// takenBack reports a change that nothing takes back. A plan need not have the undo: whoever made it
// looked.
func (c *checker) takenBack(a *Activity) {
	undo := a.Signature.Undo
	if a.Signature.Effect != EffectChange {
		return
	}
	back, known := c.catalog.Activities.Lookup(undo)
	switch {
	case undo == "":
		c.reportAt(ruleNoUndo, a.node, "%s is a change without undo: it must name the activity that takes it back, or be a destroy", a.Name)
	case !known && !c.catalog.partial:
		c.reportAt(ruleNoUndo, a.node, "%s is a change without undo: %s, which takes it back, is no activity here", a.Name, undo)
	case known && back.Effect == EffectRead:
		c.reportAt(ruleNoUndo, a.node, "%s is a change without undo: %s, which takes it back, only reads", a.Name, undo)
	}
}
