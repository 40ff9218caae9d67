// Package ledger is the record of what was asked, decided and done: append-only, every record
// chained to the one before by its hash. PostgreSQL holds it in production, SQLite on one machine.
//
// # Writing
//
// [Ledger.Do] is one transaction, and those that write follow one another, also those of other
// processes: numbers have no gaps, the chain never forks, and what was read stands until the
// transaction is over. A commit is on disk before Do returns. Keep the function short: everybody
// waits for it. No network call belongs into it.
//
// # Reading
//
// An export ([Ledger.Export]) is a line a record, canonical JSON, and [Verify] needs nothing else:
// whoever changes a byte, takes out, moves or adds a line is told where. Somebody who can rewrite the
// whole database makes a chain that fits in itself. So a [Checkpointer] signs the head of the chain
// every minute and takes it out of reach: whatever came before a checkpoint is sealed by it.
//
// # PostgreSQL
//
// [Open] makes the table where its login may, and with it two roles without a login:
// countersign_app, which may SELECT and INSERT, and countersign_auditor, which may SELECT. It then
// works as countersign_app. Whoever owns a table can take its triggers away, so in production the
// programs should not own it: let an operator's login make it (starter ledger migrate), and give
// the gateway and the worker logins that are members of countersign_app and of nothing else:
//
//	CREATE ROLE countersign_app NOLOGIN;      -- only where the migrating login may not create roles;
//	CREATE ROLE countersign_auditor NOLOGIN;  -- before the first migration
//	CREATE ROLE gateway LOGIN IN ROLE countersign_app;
//	CREATE ROLE worker LOGIN IN ROLE countersign_app;
//
// The url may carry ?search_path=SCHEMA: several ledgers in one database. Where a pooler hands out
// connections for one transaction each, add default_query_exec_mode=exec.
//
// # SQLite
//
// One file on a local disk, never on a network share. Several processes of one machine may have it
// open. There are no roles: whoever may write the file may change it, and only checkpoints tell.
package ledger

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/countersign/countersign/activities/digest"
)

// Kind says what a record is about.
type Kind string

// The kinds, and the key by which each can be found and of which there is never a second one.
const (
	Event      Kind = "event"      // an event that came in; event/<source digest>/<id>
	Run        Kind = "run"        // a run was started, with plan, event, inputs and ticket; ticket/<ticket id>
	Request    Kind = "request"    // what people were asked, as shown; request/<request digest>
	Vote       Kind = "vote"       // vote/<request digest>/<person>
	Decision   Kind = "decision"   // of a request, with its grant; decision/<request digest>
	Delegation Kind = "delegation" // delegation/<request digest>/<person>
	Edit       Kind = "edit"       // of a request's call; no key
	Answer     Kind = "answer"     // to a question; answer/<question digest>
	Intent     Kind = "intent"     // the first attempt at an effect; use/<permission id>/<workflow>/<step>, or use/undo-<seq>
	Retry      Kind = "retry"      // a later attempt; the same with /<n>
	Outcome    Kind = "outcome"    // of an effect that ended well; outcome/ and the same
	Failure    Kind = "failure"    // of an attempt; no key
	Refusal    Kind = "refusal"    // by the guard or the gateway; no key
	Switch     Kind = "switch"     // the kill switch was thrown or reset; no key: the last one counts
	Token      Kind = "token"      // a person's token was issued or revoked; no key
	Review     Kind = "review"     // of a break-glass was opened or closed; no key
	Joined     Kind = "joined"     // what a ticket was signed for joined a run that was there; joined/<ticket id>
	Binding    Kind = "binding"    // a ticket's first effect of a workflow: which execution it is; bind/<ticket id>/<workflow>
	Keep       Kind = "keep"       // what would be undone by itself stays; keep/<run>/<step>
	Undo       Kind = "undo"       // somebody asked for a run's effects to be taken back; no key
	Cancel     Kind = "cancel"     // somebody asked for a run to stop; no key
	Asked      Kind = "asked"      // a run asks people, by its own word; asked/<run>/<digest of the request or question>
	Ended      Kind = "ended"      // a run that asked people, that a schedule started, or that failed, has ended, by its own word or, of one that said none, the cluster's; ended/<run>/<execution>
	Reported   Kind = "report"     // what a run's audit came to, for people to be told; report/<run>
	Tick       Kind = "tick"       // a schedule is due, by the word of the cluster; tick/<playbook>/<time>
	Ticked     Kind = "ticked"     // what the gateway did about it; ticked/<playbook>/<time>
	TickOver   Kind = "tick_over"  // a tick was cancelled, or given up; tickover/<playbook>/<time>/<execution>
	TickOrder  Kind = "tick_order" // somebody has a schedule's playbook run at other times than it says; no key
	Message    Kind = "message"    // where a chat shows a request; no key: the last one counts
)

// Record is one entry of the ledger.
type Record struct {
	Seq  int64     `json:"seq"` // from 1, without gaps
	At   time.Time `json:"at"`  // UTC, microseconds
	Kind Kind      `json:"kind"`
	// Run is the workflow id of the run, or "".
	Run string `json:"run,omitempty"`
	// Key is unique among all records; "" is none.
	Key string `json:"key,omitempty"`
	// Topic is what is counted or looked for: of an intent "<activity>@<account>", of an outcome the
	// digest of the call that takes it back, of what a run asks and a chat shows the digest of that,
	// of a tick the playbook.
	Topic string          `json:"topic,omitempty"`
	Body  json.RawMessage `json:"body"` // canonical JSON
	Prev  digest.Digest   `json:"prev"` // hash of the record before; of the first one of zeros
	Hash  digest.Digest   `json:"hash"` // of all of the above
}

// Entry is what is to be recorded.
type Entry struct {
	Kind            Kind
	Run, Key, Topic string
	Body            any
}

// MaxBody is the longest body of a record, in bytes of canonical JSON. Cut what may be longer, and
// record its digest.
const MaxBody = 1 << 20

// ErrTaken is returned for a second record with one key; the first stands.
var ErrTaken = errors.New("it is on record already")

// ErrUnsure is why a commit failed that may have been made all the same.
var ErrUnsure = errors.New("whether it is on record is not known")

// Filter selects records. Zero fields select all.
type Filter struct {
	Kinds []Kind
	Run   string
	// Tree selects records of Run and of everything that it called: ids that begin with it and a slash.
	Tree  bool
	Topic string
	After int64 // Seq
	Limit int   // 0: 1000
}

// Tx is one transaction. Transactions that write follow one another: what one has read stands until
// it has committed.
type Tx interface {
	// Append adds a record, or returns the one that has its key, with ErrTaken: the transaction
	// goes on.
	Append(Entry) (Record, error)
	// Find returns the record of a key.
	Find(key string) (Record, bool, error)
	// Last returns the newest record of a kind.
	Last(kind Kind) (Record, bool, error)
	// List returns records in their order.
	List(Filter) ([]Record, error)
	// Count counts the records of a kind since a time, by topic.
	Count(kind Kind, since time.Time) (map[string]int, error)
	// Head is the number of the last record, 0 where there is none.
	Head() int64
	// Now is the database's clock when the transaction began, and the At of what it appends.
	Now() time.Time
}
