package identity

// Kind is why somebody is nobody here.
type Kind string

// The kinds of refusals.
const (
	WrongApp    Kind = "wrong_app"
	WrongTeam   Kind = "wrong_team"
	Nobody      Kind = "nobody" // no id at all
	Stranger    Kind = "stranger"
	External    Kind = "external_channel"
	Deleted     Kind = "deleted"
	Bot         Kind = "bot"
	Guest       Kind = "guest"
	SingleGuest Kind = "single_channel_guest"
	Unknown     Kind = "not_in_directory"
	Unconfirmed Kind = "email_not_confirmed"
	OtherID     Kind = "other_slack_id"
	Unsure      Kind = "unsure" // it could not be looked up
)

// Refusal is why what somebody did counts for nothing. Its text is for that person alone, in Slack's
// mrkdwn: it says what to do, and nothing in it comes from outside but a well-formed id.
type Refusal struct {
	Kind Kind
	// Again says that the same may count when it is done again.
	Again bool

	says string
	err  error // for the log
}

func (r *Refusal) Error() string { return r.says }

// Unwrap returns what went wrong, where something did.
func (r *Refusal) Unwrap() error { return r.err }

func refuse(kind Kind, says string) error { return &Refusal{Kind: kind, says: says} }

func again(kind Kind, err error, says string) error {
	return &Refusal{Kind: kind, Again: true, says: says, err: err}
}
