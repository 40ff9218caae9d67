package slack_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	"github.com/countersign/countersign/starter/gateway/slack/receive"
	"github.com/countersign/countersign/starter/gateway/slack/standin"
	"github.com/countersign/countersign/workflows"
)

func TestCommands(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.serve()
	o.asks()
	o.card(secops)
	for said, want := range map[string]string{
		"/playbook":                                      "approvals",
		"/playbook help":                                 "show RUN",
		"/playbook approvals":                            "Disable the key?",
		"/playbook runs":                                 run,
		"/playbook show " + run:                          "A compromised IAM access key",
		"/playbook show nothing/1":                       "There is no run",
		"/playbook show":                                 "Which run?",
		"/playbook on-call":                              "secops",
		"/playbook aprovals":                             `did you mean "approvals"?`,
		"/playbook run":                                  "Which playbook?",
		"/playbook run aws-compromised-access-kei":       `did you mean "aws-compromised-access-key"?`,
		"/playbook run aws-compromised-access-key usr=a": `has no input "usr"`,
		"/playbook stop":                                 "Which run?",
		"/playbook stop " + run:                          "is asked to stop",
		"/playbook undo " + run:                          "Which run, and why?",
		"/playbook undo " + run + " x y":                 "nothing",
	} {
		t.Run(said, func(t *testing.T) {
			got, err := o.slack.Command("U0ALICE", secops, said)
			require.NoError(t, err)
			require.True(t, got.Acked)
			o.hears("U0ALICE", want)
		})
	}
	got, err := o.slack.Command("U0GUEST", secops, "/playbook runs")
	require.NoError(t, err)
	require.True(t, got.Acked)
	o.hears("U0GUEST", "guests answer nothing here")
	o.mu.Lock()
	defer o.mu.Unlock()
	require.Equal(t, []string{run}, o.cancelled)
}

// What is over cannot be stopped, and nobody is told that it was.
func TestStopTooLate(t *testing.T) {
	o := open(t)
	o.serve()
	o.asks()
	o.mu.Lock()
	o.status[run].State = workflows.Done
	o.mu.Unlock()
	for said, want := range map[string]string{
		"/playbook stop " + run:      "/playbook undo RUN WHY takes it back",
		"/playbook stop nothing/one": `There is no run "nothing/one"`,
	} {
		got, err := o.slack.Command("U0ALICE", secops, said)
		require.NoError(t, err)
		require.True(t, got.Acked)
		o.hears("U0ALICE", want)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	require.Empty(t, o.cancelled)
}

// A playbook whose inputs are not all given asks for them in a form.
func TestRunForm(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.serve()
	got, err := o.slack.Command("U0BOB", secops, "/playbook run aws-compromised-access-key")
	require.NoError(t, err)
	require.NotNil(t, got.View)
	require.Equal(t, blocks.FormRun, got.View.Callback)
	fill := standin.Fill{}
	for _, b := range got.View.Blocks {
		if b["type"] == "input" {
			fill[b["block_id"].(string)] = map[string]any{"value": "111122223333"}
		}
	}
	got, err = o.slack.Submit("U0BOB", fill)
	require.NoError(t, err)
	require.Empty(t, got.Errors)
	require.Nil(t, got.View)
	o.mu.Lock()
	defer o.mu.Unlock()
	require.Len(t, o.started, 2, "the event's and this one")
}

// Who sends a signed command again, to another gateway say, starts nothing more.
func TestCommandAgain(t *testing.T) {
	o := open(t)
	f := o.serve()
	pb, err := shipped().ByName("aws-compromised-access-key")
	require.NoError(t, err)
	said := "run " + pb.Name
	for _, in := range pb.Inputs {
		said += " " + in.Name + "=111122223333"
	}
	start := func(trigger string) string {
		r := f.Command(t.Context(), receive.Command{Name: "/playbook", Text: said, From: receive.From{App: "A0APP", Team: "T0TEAM", User: "U0BOB", Channel: secops, Trigger: trigger}})
		require.Contains(t, r.Private, "Started "+pb.Name)
		return r.Private
	}
	first := start("1.2.a")
	require.Equal(t, first, start("1.2.a"))
	require.NotEqual(t, first, start("1.2.b"), "said again")
}

// A form is of the playbook that it showed.
func TestRunFormOfAnother(t *testing.T) {
	o := open(t)
	f := o.serve()
	meta := blocks.Meta{Playbook: "aws-compromised-access-key", Digest: "sha256:00"}
	r := f.Submit(t.Context(), receive.Submission{
		From: receive.From{App: "A0APP", Team: "T0TEAM", User: "U0BOB", Trigger: "1.2.a"},
		View: receive.View{ID: "V1", Callback: blocks.FormRun, Meta: meta.String()},
	})
	require.Contains(t, string(r.Instead), "has changed since this form opened")
	require.Len(t, o.started, 1, "the event's alone")
}

func TestHome(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.serve()
	o.asks()
	m := o.card(secops)
	got, err := o.slack.OpenHome("U0ALICE")
	require.NoError(t, err)
	require.True(t, got.Acked)
	reads := func(user, want string) bool {
		v, ok := o.slack.Home(user)
		return ok && containsText(o.slack.PlainView(v), want)
	}
	o.until(func() bool { return reads("U0ALICE", "Disable the key?") })
	v, _ := o.slack.Home("U0ALICE")
	for _, b := range v.Buttons() {
		if b.Action == blocks.ActReview {
			got, err = o.slack.PressAtHome("U0ALICE", b.Action, b.Value)
			require.NoError(t, err)
			require.NotNil(t, got.View)
		}
	}
	o.slack.CloseView("U0ALICE")
	o.press("U0ALICE", m, blocks.ActApprove)
	o.until(func() bool { return reads("U0ALICE", "Nothing waits for you") }, "it is made anew after what the person did")
	_, err = o.slack.OpenHome("U0GUEST")
	require.NoError(t, err)
	_, shown := o.slack.Home("U0GUEST")
	require.False(t, shown)
}
