package cli_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/playbook"
)

// mermaidLine is all that a line of a picture may be. In a label there are letters, digits, spaces,
// codes, the line breaks that we make, and a few marks, of which some only inside a word.
var mermaidLine = regexp.MustCompile(`^(flowchart TD` +
	`|  n\d+(\(\["L"\]\)|\["L"\]|\[\["L"\]\]|\{\{"L"\}\}|\{"L"\}|\("L"\))` +
	`|  n\d+ -->(\|"L"\|)? n\d+` +
	`|  class n\d+ [a-z]+` +
	`|  classDef [a-z]+ [a-z0-9#:,-]+)$`)

func requireMermaid(t *testing.T, text string) {
	t.Helper()
	label := regexp.MustCompile(`"([^"]*)"`)
	inside := regexp.MustCompile(`^([\p{L}\p{N}\p{M} ,?]|#\d+;|<br/>|[\p{L}\p{N}][._/-][\p{L}\p{N}]?|…)*$`)
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		for _, l := range label.FindAllStringSubmatch(line, -1) {
			require.Regexp(t, inside, l[1])
		}
		require.Regexp(t, mermaidLine, label.ReplaceAllString(line, `"L"`))
	}
}

// Whatever a playbook says, it stays in its label and is text there.
func TestGraphHostile(t *testing.T) {
	t.Parallel()
	for _, hostile := range []string{
		`"]; click n1 "https://example.com"`, `<img src=x onerror=alert(1)>`, `#quot;] --> n9`, `end`, "`**bold**`", `fa:fa-bell`, `1. list`, `- list`,
		`%%{init: {"securityLevel": "loose"}}%%`, `a"b`, `]]`, `}}`, `|x|`, `&lt;script&gt;`, `#60;b#62;`, `__x__`, `https://example.com/a_b`, `日本 | "x"`, `\"\n`, `style a:#1;`, `ﬂ°°60¶ßb`, `👩‍👩‍👧`,
	} {
		quoted, err := json.Marshal(hostile)
		require.NoError(t, err)
		// An expression and a text, each in every place that the picture shows.
		text := `{"playbook":"p","stage":"run","title":` + string(quoted) + `,"steps":[
			{"id":"a","title":` + string(quoted) + `,"if":` + string(jsonText(t, "event.data.x != "+string(quoted))) + `,"activity":"aws.guardduty.get_finding","with":{"account":"1","region":"r","finding_id":"f"}},
			{"id":"b","switch":[{"if":` + string(jsonText(t, "event.data.x == "+string(quoted))) + `,"steps":[{"stop":` + string(quoted) + `}]}]},
			{"ask":` + string(quoted) + `,"who":["secops-oncall"],"form":{"a":{"type":"string"}}},
			{"id":"c","approve":` + string(quoted) + `,"approvers":["secops-oncall"],"steps":[
				{"id":"d","title":` + string(quoted) + `,"activity":"aws.iam.disable_access_key","with":{"account":"1","user":"u","access_key_id":"k"}}]}],
			"outcome":` + string(jsonText(t, string(quoted))) + `}`
		file := filepath.Join(t.TempDir(), "p.yaml")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		r := (&fake{}).starter(t, "graph", file)
		r.require(t, 0, "flowchart TD\n", "")
		requireMermaid(t, r.out)
		r = (&fake{}).starter(t, "graph", "-o", "svg", file)
		r.require(t, 0, "<svg ", "")
		requireSVG(t, r.out)
	}
}

// requireSVG wants a document of these elements and nothing that acts or loads.
func requireSVG(t *testing.T, text string) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(text))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			require.Contains(t, []string{"svg", "title", "rect", "text", "path"}, token.Name.Local)
			for _, a := range token.Attr {
				require.NotRegexp(t, `^(on|href|xlink)`, a.Name.Local)
				require.NotContains(t, a.Value, "url(")
			}
		case xml.EndElement, xml.CharData:
		default:
			require.Fail(t, "what is this?", "%T", token)
		}
	}
}

func jsonText(t *testing.T, s string) []byte {
	t.Helper()
	raw, err := json.Marshal(s)
	require.NoError(t, err)
	return raw
}

func TestGraphOfRun(t *testing.T) {
	t.Parallel()
	st := over(keyRun, workflows.Failed)
	st.Steps = []*workflows.StepStatus{
		{ID: "finding", Status: playbook.StatusDone},
		{ID: "contain_user", Status: playbook.StatusWaiting},
		{ID: "disable", Status: playbook.StatusFailed, Title: evil},
		{ID: "close", Status: "unheard of"},
	}
	f := &fake{statuses: map[string][]*workflows.Status{keyRun: {st}, "other": {running("other")}}}
	r := f.starter(t, "graph", "aws-compromised-access-key", "--run", keyRun)
	r.require(t, 0, "  class n2 done\n", "note: the playbook has changed since the run began")
	requireMermaid(t, r.out)
	require.Contains(t, r.out, "  class n7 waiting\n")
	require.Contains(t, r.out, "  class n8 failed\n")
	require.Equal(t, 3, strings.Count(r.out, "  class n"))
	require.Contains(t, r.out, "<br/>change, undone by", "the effect stays to be read")
	require.True(t, f.closed)

	r = f.starter(t, "graph", "-o", "svg", "aws-compromised-access-key", "--run", keyRun)
	requireSVG(t, r.out)
	for status, boxes := range map[string]int{"fill:#d9f2e0": 1, "fill:#fde2e1": 1, "fill:#fff3d6": 1} {
		require.Equal(t, boxes+1, strings.Count(r.out, status), "%s, and once in the legend", status)
	}

	r = f.starter(t, "graph", "-o", "json", "aws-compromised-access-key", "--run", keyRun)
	var got struct{ Playbook, Run, Mermaid string }
	require.NoError(t, json.Unmarshal([]byte(r.out), &got))
	require.Equal(t, keyRun, got.Run)
	requireMermaid(t, got.Mermaid)

	f.starter(t, "graph", "aws-compromised-ec2-instance", "--run", keyRun).require(t, 1, "", "is one of the playbook aws-compromised-access-key, not of aws-compromised-ec2-instance")
	f.starter(t, "graph", "aws-compromised-access-key", "--run", "none").require(t, 1, "", "no such run")
}
