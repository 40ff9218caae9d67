// Package gateway is where things that happened come in: it turns what sources send into
// event.Event, the one envelope that playbooks match.
//
// Normalise is pure: bytes in, an event or an error out. It does not know who sent the bytes.
// Whoever receives them (the HTTP endpoint, the queue reader) verifies the signature or the queue's
// policy first, and decides which senders may speak for which sources. What Normalise adds is that
// an event which contradicts itself never becomes one.
//
// # What is read
//
//	sent as                        type                      id               source                      subject            time    data
//	EventBridge, GuardDuty finding aws.guardduty.finding     the envelope's   <source>/<account>/<region> the finding's ARN  time    detail
//	EventBridge, anything else     <source>.<detail-type>    the envelope's   <source>/<account>/<region> the one resource   time    detail
//	CloudEvents 1.0, JSON          type                      id               source                      subject            time    data
//
// Data is kept byte for byte. Times are kept as instants, in UTC.
//
// EventBridge gives a new id to each delivery of an update, so a finding that is seen again arrives
// as a new event with the same subject. A playbook that should run once per finding, or per key,
// says so with dedupe.
//
// The type of other EventBridge events is the source, a dot, and the detail-type. Letters become
// lower case, dots in the source stay, and every run of other characters than letters and digits
// becomes one underscore, without one at either end: aws.health and "AWS Health Event" give
// aws.health.aws_health_event; com.example.shop and "Order/Placed v2" give
// com.example.shop.order_placed_v2. Only ASCII letters count as letters. The subject is the entry
// of resources if there is exactly one that prints; else there is none.
//
// CloudEvents extension attributes are checked for their names and not kept.
//
// # Whose account
//
// The account and region of an EventBridge envelope are set by EventBridge, and name where the event
// was put on a bus; what the detail says is the service's word. Types and sources that begin with
// "aws." are AWS's: an event from anyone else whose type would begin so is refused, and the details
// of those that do are compared with the envelope. A region in the detail must be the envelope's. An
// accountId in the detail must be the envelope's account, with one exception: a GuardDuty
// administrator (also a delegated one) gets the findings of its members on its own bus, under its own
// account, and there detail.accountId names the member. So for findings the two may differ; the
// source then names the administrator that reports, and event.data.accountId the account that the
// finding is about. The finding's ARN must name one of the two, the same region, and the finding's
// id. The accounts that may be acted on come from configuration, never from either field.
//
// The same holds for an event with an "aws." type that arrives as a CloudEvent: its source must have
// the form that the table gives it.
//
// # What is refused
//
// More than event.MaxSize bytes, nesting deeper than 64, anything but one JSON object, a key that
// appears twice in one object at any depth, invalid UTF-8, attributes that are missing, empty, longer
// than 1,024 bytes or hold characters that do not print, and both shapes at once. SNS and SQS
// envelopes are not read: the receiver verifies and opens those, or the subscription delivers raw
// messages. The text of data is not judged, however hostile: refusing it would let an attacker
// who chooses a user agent choose to be unseen. It is cleaned where it is shown.
//
// Errors are one line of bounded length without control characters, whatever was sent.
package gateway
