// Package identity says which person pressed a button: a Slack id becomes a person of the directory, or
// nobody.
package identity
