package activities

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
	"go.yaml.in/yaml/v3"
)

// descriptor is the file of an activity whose worker is another program, in any language:
//
//	name: acme.badge.disable
//	title: Disable a badge
//	effect: change                  # read, change or destroy
//	undo: acme.badge.enable         # of a change: described in the same folder, or one that ships
//	targets: [badge]
//	task_queue: acme-badges         # where that worker takes calls from
//	timeout: 1m                     # of one attempt (30s)
//	heartbeat: 10s                  # the longest silence of the worker during a call; none: not looked at
//	version: 1
//	doc: Takes a minute to reach all doors.
//	permissions: [badges.write]
//	sinks: {why: query}             # fields in which text of an event could do harm: command, url_host or query
//	input:                          # JSON Schema of an object
//	  type: object
//	  properties: {badge: {type: string}}
//	  required: [badge]
//	output:
//	  type: object
//	  properties: {was_enabled: {type: boolean}}
//	  required: [was_enabled]
type descriptor struct {
	Name        string          `yaml:"name"`
	Title       string          `yaml:"title"`
	Doc         string          `yaml:"doc"`
	Effect      Effect          `yaml:"effect"`
	Version     int             `yaml:"version"`
	Undo        string          `yaml:"undo"`
	Targets     []string        `yaml:"targets"`
	Permissions []string        `yaml:"permissions"`
	Sinks       map[string]Sink `yaml:"sinks"`
	Timeout     string          `yaml:"timeout"`
	Heartbeat   string          `yaml:"heartbeat"`
	TaskQueue   string          `yaml:"task_queue"`
	Input       yaml.Node       `yaml:"input"`
	Output      yaml.Node       `yaml:"output"`
}

// maxDescriptor bounds the file of one activity, in bytes.
const maxDescriptor = 256 << 10

// maxDescribed bounds one attempt of a described activity, as a playbook's timeout is bounded.
const maxDescribed = 24 * time.Hour

// LoadDescriptors adds the activities that the .yaml files of a folder describe, one a file. They
// run in workers of their own, never in ours. Everything that is wrong is reported at once.
func LoadDescriptors(r *Registry, folder fs.FS) error {
	files, err := fs.Glob(folder, "*.yaml")
	if err == nil && len(files) == 0 {
		_, err = fs.Stat(folder, ".")
	}
	if err != nil {
		return fmt.Errorf("read the described activities: %w", err)
	}
	var errs []error
	for _, file := range files {
		if strings.HasPrefix(path.Base(file), ".") {
			continue
		}
		if err := r.describe(folder, file); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", file, err))
		}
	}
	return errors.Join(errs...)
}

func (r *Registry) describe(folder fs.FS, file string) error {
	f, err := folder.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxDescriptor+1))
	switch {
	case err != nil:
		return err
	case len(text) > maxDescriptor:
		return fmt.Errorf("it has more than %d bytes", maxDescriptor)
	}
	var d descriptor
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&d); err != nil {
		return err
	}
	if err := dec.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		return errors.New("it holds more than one document")
	}
	a, err := d.activity()
	if err != nil {
		return err
	}
	if _, taken := r.byName[a.Name]; taken {
		return fmt.Errorf("the name %q is taken", a.Name)
	}
	a.registry = r
	r.byName[a.Name] = a
	return nil
}

// activity holds a descriptor to what a registered activity is held to.
func (d *descriptor) activity() (*Activity, error) {
	spec := Spec{
		Name: d.Name, Title: d.Title, Doc: d.Doc, Effect: d.Effect, Version: d.Version, Undo: d.Undo,
		Targets: d.Targets, Permissions: d.Permissions, Sinks: d.Sinks,
	}
	var errs []error
	for _, span := range []struct {
		key, text string
		to        *time.Duration
	}{{"timeout", d.Timeout, &spec.Timeout}, {"heartbeat", d.Heartbeat, &spec.Heartbeat}} {
		if span.text == "" {
			continue
		}
		var err error
		if *span.to, err = time.ParseDuration(span.text); err != nil || *span.to <= 0 || *span.to > maxDescribed {
			errs = append(errs, fmt.Errorf("%s %q: want a duration like 30s, at most %s", span.key, span.text, maxDescribed))
		}
	}
	if d.TaskQueue == "" {
		errs = append(errs, errors.New("task_queue is missing: where does its worker take calls from?"))
	}
	silence := spec.Heartbeat
	spec = spec.withDefaults()
	spec.Heartbeat = silence // a program that is not ours beats only if it says so
	errs = append(errs, spec.validate())
	input, err := described(&d.Input)
	if err == nil {
		refuseEmptyStrings(input.Schema)
		input.resolved, err = input.Resolve(nil)
	}
	if err != nil {
		errs = append(errs, fmt.Errorf("input: %w", err))
	}
	output, err := described(&d.Output)
	if err != nil {
		errs = append(errs, fmt.Errorf("output: %w", err))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if err := spec.fields(input); err != nil {
		return nil, err
	}
	a := &Activity{Spec: spec, Input: input, Output: output, TaskQueue: d.TaskQueue}
	if spec.Effect != Read {
		a.call = relayTo(d.TaskQueue, spec)
	}
	return a, nil
}

// described reads the schema of an object. What it does not name it does not admit, unless it says
// otherwise: the checker could not type it.
func described(n *yaml.Node) (Schema, error) {
	var tree any
	if err := n.Decode(&tree); err != nil {
		return Schema{}, err
	}
	raw, err := json.Marshal(tree)
	if err != nil {
		return Schema{}, err
	}
	var s jsonschema.Schema
	if err := json.Unmarshal(raw, &s); err != nil {
		return Schema{}, err
	}
	if s.Type != "object" {
		return Schema{}, errors.New("want a schema with type: object")
	}
	if err := strict(&s, ""); err != nil {
		return Schema{}, err
	}
	if s.AdditionalProperties == nil {
		s.AdditionalProperties = &jsonschema.Schema{Not: &jsonschema.Schema{}}
	}
	resolved, err := s.Resolve(nil)
	return Schema{Schema: &s, resolved: resolved}, err
}

// strict reports words that JSON Schema does not have, which it would silently ignore, and fields
// that are required and not described.
func strict(s *jsonschema.Schema, at string) error {
	if s == nil {
		return nil
	}
	for word := range s.Extra {
		return fmt.Errorf("%s%q is no word of JSON Schema", at, word)
	}
	for _, name := range s.Required {
		if s.Properties[name] == nil {
			return fmt.Errorf("%s%q is required, but no property", at, name)
		}
	}
	errs := []error{strict(s.Items, at+"items: "), strict(s.AdditionalProperties, at+"additionalProperties: ")}
	for name, p := range s.Properties {
		errs = append(errs, strict(p, at+name+": "))
	}
	return errors.Join(errs...)
}
