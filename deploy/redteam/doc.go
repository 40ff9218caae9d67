// Package redteam attacks a deployment as it runs in production: a Temporal server, the worker and
// the gateway by their command lines, a ledger, and a stand-in for AWS that counts what changes.
//
// Each test is an attack by somebody who has what the threat says they have: a client of the Temporal
// namespace, a token, a seat on the task queue, a place in the event. Each ends with the same
// question: was anything changed that nobody approved?
//
// What was tried and how it ended is the table in deploy/THREATS.md; the test that holds it against
// the file writes it with -update.
package redteam
