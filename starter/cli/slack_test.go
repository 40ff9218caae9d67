package cli_test

import (
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/countersign/countersign/starter/gateway/slack/standin"
)

// slackStandin starts a stand-in for Slack and sets the environment for it: slack [SCOPE...], with those
// scopes alone; a fault is METHOD=CODE.
func slackStandin(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: slack [SCOPE...] [METHOD=CODE...]")
	}
	o := standin.Sample()
	var scopes []string
	var faults []standin.Fault
	for _, arg := range args {
		if method, code, ok := strings.Cut(arg, "="); ok {
			f := standin.Fault{Method: method, Kind: standin.Refuse, Code: code}
			if code == "hang_up" {
				f = standin.Fault{Method: method, Kind: standin.ServerError}
			}
			faults = append(faults, f)
			continue
		}
		scopes = append(scopes, arg)
	}
	if len(scopes) > 0 {
		o.Scopes = scopes
	}
	s := standin.New(o)
	ts.Defer(s.Close)
	for _, f := range faults {
		s.Inject(f)
	}
	api, err := s.Listen()
	ts.Check(err)
	ts.Setenv("SLACK_API_URL", api)
	ts.Setenv("SLACK_BOT_TOKEN", standin.SampleBotToken)
	ts.Setenv("SLACK_APP_TOKEN", standin.SampleAppToken)
}
