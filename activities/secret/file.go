package secret

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"
)

// MaxFile bounds the file of secrets, in bytes.
const MaxFile = 256 << 10

// document is the file of secrets.
type document struct {
	Secrets map[string]location `yaml:"secrets"`
}

type location struct {
	Env     string   `yaml:"env"`
	File    string   `yaml:"file"`
	AWS     string   `yaml:"aws"`
	Account string   `yaml:"account"`
	Region  string   `yaml:"region"`
	Key     string   `yaml:"key"`
	For     []string `yaml:"for"`
}

// Parse reads a file that says where secrets are, and which activities may use each:
//
//	secrets:
//	  pagerduty-token: {env: PAGERDUTY_TOKEN, for: [http.post]}
//	  github-key:      {file: /run/secrets/github-key, for: ["github.*"]}
//	  jira-password:   {aws: prod/jira, key: password, account: "111122223333", region: eu-west-1, for: ["http.*"]}
//
// It holds no secrets itself. Unknown keys, keys that are there twice, anchors and aliases are
// refused; everything wrong is reported at once.
func Parse(text []byte, sources Sources) (*Resolver, error) {
	if len(text) > MaxFile {
		return nil, fmt.Errorf("it is %d bytes; at most %d are read", len(text), MaxFile)
	}
	d, err := decode(text)
	if err != nil {
		return nil, err
	}
	r := &Resolver{sources: sources, entries: map[string]entry{}, known: map[string][]Secret{}}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(d.Secrets)) {
		e, err := d.Secrets[name].entry()
		if !nameForm.MatchString(name) || len(name) > maxName {
			err = errors.Join(errors.New("a name is lower case words joined by -, like pagerduty-token"), err)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%.100q: %w", name, err))
		}
		r.entries[name] = e
	}
	return r, errors.Join(errs...)
}

// Load reads a file of secrets.
func Load(file string, sources Sources) (*Resolver, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read where the secrets are: %w", err)
	}
	r, err := Parse(text, sources)
	if err != nil {
		return nil, fmt.Errorf("read where the secrets are, %s: %w", file, err)
	}
	return r, nil
}

func decode(text []byte) (document, error) {
	var d document
	var root, second yaml.Node
	nodes := yaml.NewDecoder(bytes.NewReader(text))
	if err := nodes.Decode(&root); err != nil {
		return d, fmt.Errorf("want the key secrets: %w", err)
	}
	if !errors.Is(nodes.Decode(&second), io.EOF) {
		return d, errors.New("want one document")
	}
	if err := plain(&root); err != nil {
		return d, err
	}
	fields := yaml.NewDecoder(bytes.NewReader(text))
	fields.KnownFields(true)
	if err := fields.Decode(&d); err != nil {
		return d, err
	}
	if len(d.Secrets) == 0 {
		return d, errors.New("it names no secrets")
	}
	return d, nil
}

// plain refuses what is not written out.
func plain(n *yaml.Node) error {
	if n.Kind == yaml.AliasNode || n.Anchor != "" || n.Tag == "!!merge" {
		return fmt.Errorf("line %d: anchors and aliases are refused: write the value out", n.Line)
	}
	for _, child := range n.Content {
		if err := plain(child); err != nil {
			return err
		}
	}
	return nil
}

var activityForm = regexp.MustCompile(`^[a-z0-9_.*]+$`)

func (l location) entry() (entry, error) {
	var errs []error
	refuse := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	sources := 0
	for _, s := range []string{l.Env, l.File, l.AWS} {
		if s != "" {
			sources++
		}
	}
	if sources != 1 {
		refuse("want one of env, file and aws")
	}
	if l.AWS == "" && l.Account+l.Region+l.Key != "" {
		refuse("account, region and key are of one in aws")
	}
	if l.AWS != "" && (l.Account == "" || l.Region == "") {
		refuse("one in aws needs account and region")
	}
	if l.File != "" && !filepath.IsAbs(l.File) {
		refuse("the file is named by its whole path, from /")
	}
	if len(l.For) == 0 {
		refuse("want for: the activities that may use it, like [\"http.*\"]")
	}
	for _, pattern := range l.For {
		if _, err := path.Match(pattern, ""); err != nil || !activityForm.MatchString(pattern) {
			refuse("%.100q is no pattern of activities; want one like http.*", pattern)
		}
	}
	e := entry{env: l.Env, file: l.File, by: l.For}
	if l.AWS != "" {
		e.aws = &Stored{Account: l.Account, Region: l.Region, ID: l.AWS, Key: l.Key}
	}
	return e, errors.Join(errs...)
}

// names are those of all secrets, sorted.
func (r *Resolver) names() []string { return slices.Sorted(maps.Keys(r.entries)) }

// ReadFile reads a secret that is a file which nobody else may read. A line break at its end does not
// count.
func ReadFile(name string) (Secret, error) {
	f, err := os.Open(name)
	if err != nil {
		return Secret{}, fmt.Errorf("%w: %w", err, errFinal)
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	switch {
	case err != nil:
		return Secret{}, err
	case !info.Mode().IsRegular():
		return Secret{}, fmt.Errorf("%s is not a regular file: %w", name, errFinal)
	case info.Mode().Perm()&0o077 != 0:
		return Secret{}, fmt.Errorf("%s can be read by others (mode %04o); want 0600 or less: %w", name, info.Mode().Perm(), errFinal)
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxValue+3))
	if err != nil {
		return Secret{}, err
	}
	// Editors end a file with a line break, which is no part of the secret.
	raw = bytes.TrimSuffix(bytes.TrimSuffix(raw, []byte("\n")), []byte("\r"))
	if len(raw) > maxValue {
		return Secret{}, fmt.Errorf("%s is longer than %d bytes: %w", name, maxValue, errFinal)
	}
	return New(string(raw)), nil
}
