package playbook

// Tables are the keys of every mapping as the parser knows them, and Described those that have a
// description.
func Tables() (known, described map[string][]string) {
	known = map[string][]string{
		"playbook": playbookKeys, "schedule": scheduleKeys, "trigger": triggerKeys, "input": inputKeys, "case": caseKeys, "branch": branchKeys, "wait": waitKeys, "field": fieldKeys, "retry": retryKeys, "escalate": escalateKeys, "undo": undoKeys, "step": modifiers,
	}
	for keyword, v := range verbs() {
		known["step_"+keyword] = append([]string{keyword}, v.keys...)
	}
	described = map[string][]string{}
	for name, m := range mappings {
		for key, d := range m.keys {
			if m.doc != "" && d.doc != "" {
				described[name] = append(described[name], key)
			}
		}
	}
	return known, described
}
