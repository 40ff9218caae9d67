package cli_test

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/library"
)

// sarifRequires is what the published schema of SARIF 2.1.0 requires of the objects that we write.
const sarifRequires = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object", "required": ["version", "runs"], "additionalProperties": false,
  "properties": {
    "$schema": {"type": "string", "format": "uri"},
    "version": {"enum": ["2.1.0"]},
    "runs": {"type": "array", "items": {
      "type": "object", "required": ["tool"],
      "properties": {
        "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
        "tool": {"type": "object", "required": ["driver"], "properties": {"driver": {
          "type": "object", "required": ["name"],
          "properties": {
            "name": {"type": "string"},
            "rules": {"type": "array", "uniqueItems": true, "items": {
              "type": "object", "required": ["id"],
              "properties": {
                "id": {"type": "string"},
                "shortDescription": {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}},
                "fullDescription": {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}},
                "defaultConfiguration": {"type": "object", "properties": {"level": {"enum": ["none", "note", "warning", "error"]}}}
              }}}
          }}}},
        "results": {"type": "array", "items": {
          "type": "object", "required": ["message"],
          "properties": {
            "ruleId": {"type": "string"},
            "ruleIndex": {"type": "integer", "minimum": 0},
            "level": {"enum": ["none", "note", "warning", "error"]},
            "message": {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}},
            "locations": {"type": "array", "items": {"type": "object", "properties": {"physicalLocation": {
              "type": "object", "required": ["artifactLocation"],
              "properties": {
                "artifactLocation": {"type": "object", "properties": {"uri": {"type": "string"}}},
                "region": {"type": "object", "properties": {
                  "startLine": {"type": "integer", "minimum": 1}, "startColumn": {"type": "integer", "minimum": 1}}}
              }}}}}
          }}}
      }}}
  }
}`

func TestSARIF(t *testing.T) {
	t.Parallel()
	var s jsonschema.Schema
	require.NoError(t, json.Unmarshal([]byte(sarifRequires), &s))
	schema, err := s.Resolve(nil)
	require.NoError(t, err)

	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "a b"), 0o700))
	text := "playbook: p\nstage: run\n\"[here](https://example.com) {0} \\u65E5\": 1\nsteps: [{stop: x}]\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a b", "p:%.yaml"), []byte(text), 0o600))
	r := (&fake{}).starter(t, "validate", "-o", "sarif", dir)
	r.require(t, 1, "", "1 problem in 1 file")
	var document any
	require.NoError(t, json.Unmarshal([]byte(r.out), &document))
	require.NoError(t, schema.Validate(document))

	var log struct {
		Runs []struct {
			Tool struct {
				Driver struct{ Rules []struct{ ID string } }
			}
			Results []struct {
				RuleID    string
				RuleIndex int
				Message   struct{ Text string }
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ StartLine, StartColumn int }
					}
				}
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(r.out), &log))
	run := log.Runs[0]
	require.Len(t, run.Tool.Driver.Rules, len(library.Rules()))
	one := run.Results[0]
	require.Equal(t, "unknown-key", one.RuleID)
	require.Equal(t, one.RuleID, run.Tool.Driver.Rules[one.RuleIndex].ID)
	require.Contains(t, one.Message.Text, "[here] (https://example.com) {{0}} 日", "a message is no link and has no placeholder")
	at := one.Locations[0].PhysicalLocation
	require.Equal(t, 3, at.Region.StartLine)
	require.Equal(t, 1, at.Region.StartColumn)
	uri, err := url.Parse(at.ArtifactLocation.URI)
	require.NoError(t, err)
	require.False(t, uri.IsAbs())
	require.False(t, strings.HasPrefix(uri.Path, "/"), uri)
	require.True(t, strings.HasSuffix(at.ArtifactLocation.URI, "/a%20b/p:%25.yaml"), uri)

	(&fake{}).starter(t, "validate", "-o", "sarif").require(t, 0, `"results": []`, "")
}
