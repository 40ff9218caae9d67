package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Local is how commands on this machine find a local gateway, and act as one of its people: whoever
// can read the files of a local deployment is everybody in it.
type Local struct {
	URL string `json:"url"`
	// Person is who starts runs where a command names nobody.
	Person string `json:"person"`
	// Tokens are the files of tokens, beside this one, by the ids and mail addresses of people.
	Tokens map[string]string `json:"tokens"`
}

// LocalFile is where it is by default, from the folder in which a local deployment was started.
var LocalFile = filepath.Join(".countersign", "local", "gateway.json")

// WriteLocal writes the file, for its owner alone.
func WriteLocal(file string, l Local) error {
	raw, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	next := file + ".next"
	err = os.WriteFile(next, append(raw, '\n'), 0o600)
	if err == nil {
		err = os.Rename(next, file) // nobody reads half of it
	}
	if err != nil {
		return fmt.Errorf("say where the gateway is: %w", err)
	}
	return nil
}

// ReadLocal reads the file and the token of a person; "" is Local.Person.
func ReadLocal(file, person string) (l Local, token string, err error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return l, "", fmt.Errorf("find the gateway: %w", err)
	}
	if err := json.Unmarshal(raw, &l); err != nil {
		return l, "", fmt.Errorf("find the gateway: read %s: %w", file, err)
	}
	if person == "" {
		person = l.Person
	}
	name, ok := l.Tokens[person]
	if !ok {
		return l, "", fmt.Errorf("%w: the local gateway has no token for %q", ErrUnauthorized, person)
	}
	token, err = ReadToken(filepath.Join(filepath.Dir(file), filepath.FromSlash(name)))
	return l, token, err
}

// ReadToken reads a file that holds a token and nothing else.
func ReadToken(file string) (string, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read the token: %w", err)
	}
	text := strings.TrimSpace(string(raw))
	if text == "" || len(text) > 4096 {
		return "", errors.New("read the token: " + file + " holds none")
	}
	return text, nil
}
