// Package gateway is where things that happened come in: it turns what sources send into
// event.Event, the one envelope that playbooks match.
//
// NormaliseAll is pure: bytes in, events or an error out. It does not know who sent the bytes.
// Whoever receives them (the HTTP endpoint, the queue reader) verifies the signature or the queue's
// policy first, and decides which senders may speak for which sources. What it adds is that
// an event which contradicts itself never becomes one.
//
// # What is read
//
//	sent as                            type                      id               source                      subject            time    data
//	EventBridge, GuardDuty finding     aws.guardduty.finding     the envelope's   <source>/<account>/<region> the finding's ARN  time    detail
//	EventBridge, Security Hub finding  aws.securityhub.finding   the envelope's   <source>/<account>/<region> the finding's Id   time    the finding
//	EventBridge, CloudTrail record     aws.cloudtrail.event      the envelope's   <source>/<account>/<region> the one resource   time    detail
//	EventBridge, anything else         <source>.<detail-type>    the envelope's   <source>/<account>/<region> the one resource   time    detail
//	GitHub webhook about an alert      github.<webhook>          see below        the repository's page       the alert's page   updated the payload
//	Alertmanager notification          alertmanager.alert        see below        externalURL                 labels.alertname   starts  each alert
//	CloudEvents 1.0, JSON              type                      id               source                      subject            time    data
//
// Data is kept byte for byte. Times are kept as instants, in UTC. Anything else can be sent as the
// data of a CloudEvents event, with the type webhook.received or one of its own.
//
// # One matter, one event
//
// A playbook answers one matter, so a list of them is taken apart: each alert of an Alertmanager
// notification is an event, and each finding of a Security Hub event (AWS sends one at a time; of
// several, the ids end in /1, /2 and so on). Which of them belong together is for dedupe to say.
//
// # EventBridge
//
// EventBridge gives a new id to each delivery of an update, so a finding that is seen again arrives
// as a new event with the same subject. A playbook that should run once per finding, or per key,
// says so with dedupe.
//
// CloudTrail's records come from the service that was called, with "AWS API Call via CloudTrail",
// "AWS Console Sign In via CloudTrail", "AWS Service Event via CloudTrail" or "AWS Console Action
// via CloudTrail". They have one form and so one type, aws.cloudtrail.event; event.data.eventSource
// says which service. (Its insights have another form, and the type that the rule below gives.)
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
// # GitHub and Alertmanager
//
// GitHub names a webhook in a header. A file has none, and the header is not part of what GitHub
// signs, so what the alert holds decides: secret_scanning_alert, dependabot_alert or
// code_scanning_alert. The id is made of that name, the alert's number, the action, the time of the
// change and the commit, if there is one: GitHub's own id is that of the delivery and changes when
// the same is delivered again.
//
// Alertmanager repeats an alert for as long as it fires. The id is made of the alert's fingerprint,
// its status and the time since when, so a repetition is the same event, and the time is when it
// began or, once resolved, when it ended. Set max_alerts to 0: what it leaves out never gets here.
//
// # Whose account
//
// The account and region of an EventBridge envelope are set by EventBridge, and name where the event
// was put on a bus; what the detail says is the service's word. Types and sources that begin with
// "aws." are AWS's: an event from anyone else whose type would begin so is refused, and the details
// of those that do are compared with the envelope. A region in the detail must be the envelope's. An
// accountId in the detail must be the envelope's account; so must awsRegion and recipientAccountId in
// a record of CloudTrail. With one exception: a GuardDuty
// administrator (also a delegated one) gets the findings of its members on its own bus, under its own
// account, and there detail.accountId names the member. So for findings the two may differ; the
// source then names the administrator that reports, and event.data.accountId the account that the
// finding is about. The finding's ARN must name one of the two, the same region, and the finding's
// id. Security Hub too reports for members, and in its aggregation region for other regions.
// The accounts that may be acted on come from configuration, never from any of these fields.
//
// The same holds for an event with an "aws." type that arrives as a CloudEvent: its source must have
// the form that the table gives it.
//
// # What is refused
//
// More than event.MaxSize bytes, nesting deeper than 64, anything but one JSON object, a key that
// appears twice in one object at any depth, invalid UTF-8, attributes that are missing, empty, longer
// than 1,024 bytes or hold characters that do not print, both envelopes at once, and all of a list of
// which one is refused. SNS and SQS
// envelopes are not read: the receiver verifies and opens those, or the subscription delivers raw
// messages. The text of data is not judged, however hostile: refusing it would let an attacker
// who chooses a user agent choose to be unseen. It is cleaned where it is shown.
//
// Errors are one line of bounded length without control characters, whatever was sent.
package gateway
