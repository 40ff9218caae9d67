package standin

import (
	"encoding/base64"
	"slices"
)

// page cuts one page out of a list of keys: the at most size keys that follow the one the token
// names. ok is false for a token that was not given out here.
func page(keys []string, token string, size int) (cut []string, next string, ok bool) {
	if token != "" {
		last, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil {
			return nil, "", false
		}
		at := slices.Index(keys, string(last))
		if at < 0 {
			return nil, "", false
		}
		keys = keys[at+1:]
	}
	if len(keys) <= size {
		return keys, "", true
	}
	return keys[:size], base64.RawURLEncoding.EncodeToString([]byte(keys[size-1])), true
}
