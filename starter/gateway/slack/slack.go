// Package slack is the front that responders have in Slack: it shows what runs ask, and brings what
// people do there to the desk.
package slack
