package connect

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/countersign/countersign/activities/secret"
)

// Variables of the environment: the file of keys in the place of --payload-keys, and the keys
// themselves, where a file is unhandy.
const (
	payloadKeysEnv = "COUNTERSIGN_PAYLOAD_KEYS"
	payloadKeyEnv  = "COUNTERSIGN_PAYLOAD_KEY"
)

const (
	keySize = 32 // bytes: AES-256
	maxKeys = 100
)

var keyIDForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// Keys are those that payloads are encrypted with. It does not change.
type Keys struct {
	newest string
	byID   map[string]cipher.AEAD
}

// ParseKeys reads keys, one a line, the newest first:
//
//	2026-11 q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=
//	2026-05 EjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJCrze8=
//
// An id and 32 random bytes in base64; empty lines and those that begin with # say nothing. A comma
// ends a line too, for variables of the environment. What is written is encrypted with the newest
// key, and read with whichever it was encrypted with.
//
// To change keys, first put the new one below the old one everywhere, then above it everywhere: no
// process may meet a key that it does not have. A key that nothing is kept under any more can go.
// One key is good for 4 billion payloads, as nonces are random and of 96 bits.
//
// Errors name lines, never what is in them.
func ParseKeys(text string) (*Keys, error) {
	k := &Keys{byID: map[string]cipher.AEAD{}}
	var errs []error
	for i, line := range strings.FieldsFunc(strings.ReplaceAll(text, "\r\n", "\n"), func(r rune) bool { return r == '\n' || r == ',' }) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		id, aead, err := parseKey(line)
		switch {
		case err == nil && k.byID[id] != nil:
			err = fmt.Errorf("the key %s is there twice", id)
		case len(k.byID) == maxKeys:
			return nil, fmt.Errorf("there are more than %d keys", maxKeys)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("entry %d: %w", i+1, err))
			continue
		}
		if k.newest == "" {
			k.newest = id
		}
		k.byID[id] = aead
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if k.newest == "" {
		return nil, errors.New("there is no key")
	}
	return k, nil
}

func parseKey(line string) (id string, _ cipher.AEAD, _ error) {
	fields := strings.Fields(line)
	if len(fields) != 2 {
		return "", nil, errors.New("want an id and a key, like: 2026-11 BASE64")
	}
	if id = fields[0]; !keyIDForm.MatchString(id) {
		return "", nil, errors.New("the id is letters, digits, dots, _ and -, at most 64")
	}
	raw, err := base64.StdEncoding.DecodeString(fields[1])
	if err != nil || len(raw) != keySize {
		return "", nil, fmt.Errorf("the key %s is not %d bytes in base64", id, keySize)
	}
	if !slices.ContainsFunc(raw, func(b byte) bool { return b != raw[0] }) {
		return "", nil, fmt.Errorf("the key %s is not random; make one with starter codec key", id)
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return "", nil, fmt.Errorf("the key %s: %w", id, err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return "", nil, fmt.Errorf("the key %s: %w", id, err)
	}
	return id, aead, nil
}

// NewKey makes a line of a file of keys.
func NewKey(id string) (string, error) {
	if !keyIDForm.MatchString(id) {
		return "", fmt.Errorf("%.80q cannot be the id of a key: want letters, digits, dots, _ and -, at most 64", id)
	}
	raw := make([]byte, keySize)
	if _, err := rand.Read(raw); err != nil {
		return "", fmt.Errorf("make a key: %w", err)
	}
	return id + " " + base64.StdEncoding.EncodeToString(raw), nil
}

// Newest is the id of the key that payloads are encrypted with.
func (k *Keys) Newest() string { return k.newest }

// Keys finds the keys that flags and environment name; nil: payloads are not encrypted.
func (o Options) Keys() (*Keys, error) {
	look := os.LookupEnv
	if o.Env != nil {
		look = o.Env.LookupEnv
	}
	file := o.PayloadKeys
	if file == "" {
		file, _ = look(payloadKeysEnv)
	}
	text, from := "", "$"+payloadKeyEnv
	if file == "" {
		text, _ = look(payloadKeyEnv)
		if text == "" {
			return nil, nil
		}
	} else {
		from = file
		content, err := secret.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read the keys of payloads: %w", err)
		}
		text = content.Reveal()
	}
	k, err := ParseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("read the keys of payloads, %s: %w", from, err)
	}
	return k, nil
}
