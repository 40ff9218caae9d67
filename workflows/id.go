package workflows

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"time"
)

// plainKey is a dedupe key that can stand in an id as it is. It cannot begin like a hashed one.
var plainKey = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$`)

// ScheduledKey is the key of the run for a time at which a schedule was due.
func ScheduledKey(at time.Time) string {
	return "scheduled-" + at.UTC().Format("2006-01-02T15:04:05Z")
}

const hashedPrefix = "sha256-"

// RunID is the id of the run that answers all events of one matter: same playbook, same dedupe
// key. Different keys never share an id. A key that is not plain (it comes from an event, so it may
// be anything) is named by its hash.
func RunID(playbook, key string) string {
	if plainKey.MatchString(key) && (len(key) < len(hashedPrefix) || key[:len(hashedPrefix)] != hashedPrefix) {
		return playbook + "/" + key
	}
	sum := sha256.Sum256([]byte(key))
	return playbook + "/" + hashedPrefix + hex.EncodeToString(sum[:])
}
