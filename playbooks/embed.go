// Package playbooks is the library that ships: one folder a stage, one file a playbook, its test
// beside it, and real events to try them with.
package playbooks

import "embed"

// Files holds the playbooks and their tests, as <stage>/<name>.yaml and <stage>/<name>_test.yaml.
//
//go:embed run/*.yaml audit/*.yaml
var Files embed.FS

// Events holds complete events as their sources send them, and beside them what is known of their
// data: events/<type>.schema.json is the JSON Schema of the data of that type of event.
//
//go:embed events/*.json
var Events embed.FS

// SampleEvent is the event that the local deployment answers first: somebody uses the access key
// of a user from an address on a threat list.
const SampleEvent = "events/guardduty-iam-malicious-ip-caller.json"
