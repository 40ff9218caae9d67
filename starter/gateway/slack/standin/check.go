package standin

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"
)

// The limits of Block Kit, in runes and entries.
// https://docs.slack.dev/reference/block-kit
const (
	messageBlocks = 50
	viewBlocks    = 100

	maxSection, maxField, maxFields = 3000, 2000, 10
	maxHeader, maxImageText         = 150, 2000
	maxActions, maxContext          = 25, 10
	maxID                           = 255
	maxButton, maxValue, maxURL     = 75, 2000, 3000
	maxOption, maxOptions           = 75, 100
	maxFewOptions, maxOverflow      = 10, 5
	maxConfirmTitle, maxConfirmText = 100, 300
	maxConfirmButton                = 30
	maxPlaceholder, maxLabel        = 150, 2000
	maxInput                        = 3000
	maxTitle, maxMeta               = 24, 3000
	maxMarkdown                     = 12000
)

// checker collects what Slack would not take. Its sentences name the place by JSON pointer, as Slack's
// do.
type checker struct {
	problems []string
	inputs   int // input blocks seen
}

func (k *checker) say(where, format string, args ...any) {
	k.problems = append(k.problems, "[ERROR] "+fmt.Sprintf(format, args...)+" [json-pointer:"+where+"]")
}

// checkBlocks says what Slack would not take in the blocks of a message.
func checkBlocks(blocks []object, most int) []string {
	k := &checker{}
	k.blocks("/blocks", blocks, most)
	return k.problems
}

// checkView says what Slack would not take in a view.
func checkView(v object, kind string) []string {
	k := &checker{}
	if v["type"] != kind {
		k.say("/view/type", "must be %s", kind)
	}
	allowed := []string{"type", "blocks", "private_metadata", "callback_id", "external_id"}
	if kind == "modal" {
		allowed = append(allowed, "title", "submit", "close", "clear_on_close", "notify_on_close", "submit_disabled")
	}
	k.only("/view", v, allowed...)
	k.length("/view/private_metadata", v["private_metadata"], 0, maxMeta)
	k.length("/view/callback_id", v["callback_id"], 0, maxID)
	k.length("/view/external_id", v["external_id"], 0, maxID)
	if _, ok := v["blocks"].([]any); !ok {
		k.say("/view", "missing required field: blocks")
	}
	blocks, ok := objects(v["blocks"])
	if !ok {
		k.say("/view/blocks", "must be objects")
	}
	k.blocks("/view/blocks", blocks, viewBlocks)
	if kind == "modal" {
		k.text("/view/title", v["title"], maxTitle, true, true)
		k.text("/view/submit", v["submit"], maxTitle, true, false)
		k.text("/view/close", v["close"], maxTitle, true, false)
		if k.inputs > 0 && v["submit"] == nil {
			k.say("/view", "missing required field: submit")
		}
	}
	return k.problems
}

func (k *checker) blocks(where string, blocks []object, most int) {
	if len(blocks) > most {
		k.say(where, "no more than %d items allowed", most)
	}
	ids := map[string]bool{}
	for i, b := range blocks {
		at := fmt.Sprintf("%s/%d", where, i)
		id := text(b["block_id"])
		k.length(at+"/block_id", b["block_id"], 0, maxID)
		if id != "" && ids[id] {
			k.say(at+"/block_id", "block_id already exists")
		}
		ids[id] = true
		k.block(at, b)
	}
}

// only refuses properties that the thing does not have.
func (k *checker) only(where string, o object, names ...string) {
	for _, name := range slices.Sorted(maps.Keys(o)) {
		if !slices.Contains(names, name) {
			k.say(where, "invalid additional property: %s", name)
		}
	}
}

func (k *checker) block(where string, b object) {
	kind := text(b["type"])
	names, ok := blockNames[kind]
	if !ok {
		k.say(where+"/type", "unsupported type: %s", kind)
		return
	}
	k.only(where, b, append(names, "type", "block_id")...)
	switch kind {
	case "section":
		k.section(where, b)
	case "header":
		k.text(where+"/text", b["text"], maxHeader, true, true)
	case "markdown":
		k.length(where+"/text", b["text"], 1, maxMarkdown)
	case "image":
		k.image(where, b)
		k.text(where+"/title", b["title"], maxImageText, true, false)
	case "actions":
		k.elements(where, b, maxActions, inActions)
	case "context":
		for i, e := range k.list(where+"/elements", b["elements"], maxContext) {
			at := fmt.Sprintf("%s/elements/%d", where, i)
			if e["type"] == "image" {
				k.only(at, e, "type", "image_url", "alt_text", "slack_file")
				k.image(at, e)
			} else {
				k.text(at, e, maxSection, false, true)
			}
		}
	case "input":
		k.inputs++
		k.text(where+"/label", b["label"], maxLabel, true, true)
		k.text(where+"/hint", b["hint"], maxLabel, true, false)
		e, ok := b["element"].(object)
		if !ok {
			k.say(where, "missing required field: element")
			return
		}
		k.element(where+"/element", e, inInput)
	case "rich_text":
		for i, e := range k.list(where+"/elements", b["elements"], 0) {
			if !slices.Contains([]string{"rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote"}, text(e["type"])) {
				k.say(fmt.Sprintf("%s/elements/%d/type", where, i), "unsupported type: %s", text(e["type"]))
			}
		}
	}
}

// blockNames are the properties of each kind of block, beside its type and id.
var blockNames = map[string][]string{
	"section":   {"text", "fields", "accessory", "expand"},
	"divider":   {},
	"header":    {"text"},
	"markdown":  {"text"},
	"image":     {"image_url", "slack_file", "alt_text", "title"},
	"actions":   {"elements"},
	"context":   {"elements"},
	"input":     {"label", "element", "hint", "optional", "dispatch_action"},
	"rich_text": {"elements"},
}

func (k *checker) section(where string, b object) {
	fields := b["fields"]
	if b["text"] == nil && fields == nil {
		k.say(where, "missing required field: text")
	}
	k.text(where+"/text", b["text"], maxSection, false, false)
	if fields != nil {
		for i, f := range k.list(where+"/fields", fields, maxFields) {
			k.text(fmt.Sprintf("%s/fields/%d", where, i), f, maxField, false, true)
		}
	}
	if e, ok := b["accessory"].(object); ok {
		if e["type"] == "image" {
			k.only(where+"/accessory", e, "type", "image_url", "alt_text", "slack_file")
			k.image(where+"/accessory", e)
		} else {
			k.element(where+"/accessory", e, inActions)
		}
	}
}

func (k *checker) image(where string, o object) {
	if o["slack_file"] == nil {
		k.length(where+"/image_url", o["image_url"], 1, maxURL)
	}
	k.length(where+"/alt_text", o["alt_text"], 1, maxImageText)
}

// list is a list of objects, of one to most entries; most 0 is any number.
func (k *checker) list(where string, v any, most int) []object {
	l, ok := objects(v)
	switch {
	case !ok:
		k.say(where, "must be a list of objects")
	case len(l) == 0:
		k.say(where, "must have at least 1 item")
	case most > 0 && len(l) > most:
		k.say(where, "no more than %d items allowed", most)
	}
	return l
}

// text checks a text object.
func (k *checker) text(where string, v any, most int, plain, required bool) {
	if v == nil {
		if required {
			k.say(where, "missing required field")
		}
		return
	}
	o, ok := v.(object)
	if !ok {
		k.say(where, "must be a text object")
		return
	}
	switch {
	case o["type"] == "plain_text":
		k.only(where, o, "type", "text", "emoji")
	case o["type"] == "mrkdwn" && !plain:
		k.only(where, o, "type", "text", "verbatim")
	default:
		k.say(where+"/type", "unsupported type: %s", text(o["type"]))
	}
	k.length(where+"/text", o["text"], 1, most)
}

func (k *checker) length(where string, v any, least, most int) {
	s, ok := v.(string)
	n := utf8.RuneCountInString(s)
	switch {
	case v == nil && least == 0:
	case !ok:
		k.say(where, "must be a string")
	case n < least:
		k.say(where, "must be more than %d characters", least-1)
	case n > most:
		k.say(where, "must be less than %d characters", most+1)
	}
}

// same says that two things are the same JSON.
func same(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}
