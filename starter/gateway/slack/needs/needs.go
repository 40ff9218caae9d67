// Package needs lists what the app has to be allowed in Slack. The manifest under deploy/slack grants
// exactly that, and starter slack check holds an installation to it.
package needs

import "slices"

// Scope is one permission of the bot's token.
type Scope struct {
	Name string
	Why  string // for operators
	// Optional says what is missing without it; "" is needed.
	Optional string
}

// Scopes are those that the app uses, sorted. There is none to post where it was not invited, none to
// read what people write, but for looking for its own lost messages, and none that changes who is in
// what.
func Scopes() []Scope {
	return []Scope{
		{"channels:history", "to find a card again whose posting was interrupted, in public channels", "then it is posted once more, and the older one is marked"},
		{"channels:read", "to see whether a public channel is shared with another company, and whether the app is in it", ""},
		{"chat:write", "to post cards where the app was invited, and to keep them up to date", ""},
		{"commands", "for the slash command and the forms", ""},
		{"groups:history", "to find a card again whose posting was interrupted, in private channels", "then it is posted once more, and the older one is marked"},
		{"groups:read", "the same as channels:read of private channels", ""},
		{"im:history", "the same in the conversation between the app and one person", "then it is posted once more, and the older one is marked"},
		{"im:read", "the same of the conversation between the app and one person", ""},
		{"im:write", "to write to people directly", ""},
		{"usergroups:read", "to see who is in the user groups that the directory names", ""},
		{"users:read", "to see at every click whether somebody is a full member: no guest, no bot, not deactivated", ""},
		{"users:read.email", "to find people by a confirmed mail address, where that is switched on", "then email: true finds nobody"},
	}
}

// Missing are the scopes that an installation lacks, Extra those that it has and does not need.
func Missing(granted []string) (missing []Scope, extra []string) {
	var known []string
	for _, s := range Scopes() {
		known = append(known, s.Name)
		if !slices.Contains(granted, s.Name) {
			missing = append(missing, s)
		}
	}
	for _, name := range granted {
		if !slices.Contains(known, name) {
			extra = append(extra, name)
		}
	}
	return missing, extra
}
