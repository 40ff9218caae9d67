// Package route says where in Slack something is shown, and whom it calls: by the playbook's stage and
// labels, the severity, the account's owner, and who is on call. It is pure, and reads one file.
package route

// Place is where something goes.
type Place struct {
	Channel string   // id
	People  []string // stable ids of those to mention
	Groups  []string // of the directory, to mention
	Rule    string   // which rule decided; "fallback" is none
}
