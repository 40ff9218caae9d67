package workflows

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
)

// plainKey is a dedupe key that can stand in an id as it is. It cannot begin like a hashed one.
var plainKey = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$`)

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
