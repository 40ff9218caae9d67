package blocks_test

import (
	"encoding/json"
	"time"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/preview"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/expr"
)

func at(minute, second int) time.Time {
	return time.Date(2026, 11, 20, 21, 25+minute, 5+second, 0, time.UTC)
}

const (
	asked  = digest.Digest("sha256:a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90")
	edited = digest.Digest("sha256:b1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90")
)

// context knows some people and one group by their ids in Slack.
func context(now time.Time) blocks.Context {
	people := map[string]string{"p-alice": "U0ALICE00", "p-bob": "U0BOB0000"}
	groups := map[string]string{"secops-oncall": "S0ONCALL0"}
	return blocks.Context{
		Now: now, Mention: func(person string) string { return people[person] }, Group: func(group string) string { return groups[group] },
	}
}

// waiting is a request about two calls, of which the second cannot be undone.
func waiting() desk.Sight {
	r := &approval.Request{
		ID: "contain", Run: "aws-compromised-access-key/AKIAIOSFODNN7EXAMPLE", Playbook: "aws-compromised-access-key",
		Question: "Disable the access key AKIAIOSFODNN7EXAMPLE of ci-deployer?\nLast used for s3 in us-east-1.",
		Groups:   []string{"secops-oncall"}, People: []string{"p-alice", "p-bob", "p-carol"},
		Quorum: 2, Asked: at(0, 1), Expires: at(30, 1), Digest: asked,
		Calls: []approval.Call{
			{
				Step: "disable", Title: "Disable an IAM access key", Activity: "aws.iam.disable_access_key", Version: 1,
				Effect: "change", Undo: "aws.iam.enable_access_key", Targets: []string{"user", "access_key_id"},
				Input:   json.RawMessage(`{"access_key_id":"AKIAIOSFODNN7EXAMPLE","account":"111122223333","user":"ci-deployer"}`),
				Digest:  "sha256:11",
				Preview: &preview.Preview{Changes: []preview.Change{{Target: "access key AKIAIOSFODNN7EXAMPLE of ci-deployer", What: "status", Before: "Active", After: "Inactive"}}},
			},
			{
				Step: "purge", Title: "Delete sessions", Activity: "aws.iam.delete_sessions", Version: 2, Effect: "destroy", Targets: []string{"user"},
				Input: json.RawMessage(`{"account":"111122223333","region":"us-east-1","user":"ci-deployer","older_than":3600,"force":true,"tags":{},` +
					`"names":["one","two"],"policy":"{\n  \"Version\": 1\n}","none":null,"empty":""}`),
			},
		},
	}
	return desk.Sight{
		Run: r.Run, Playbook: r.Playbook, Title: "A compromised IAM access key", Stage: "run", Account: "111122223333", Severity: "high",
		Event: workflows.EventRef{
			ID: "e-1", Type: "aws.guardduty.finding", Source: "aws.guardduty/111122223333/us-east-1",
			Subject: "arn:aws:guardduty:us-east-1:111122223333:detector/12ab/finding/7ab9", Time: at(-1, 0),
		},
		Request: r, Known: true, State: workflows.Waiting,
		Votes: []approval.Vote{{Approval: "contain", Digest: asked, Person: "p-alice", Verdict: approval.Approve, Reason: "seen in the trail", At: at(1, 40), Surface: "slack"}},
		Tally: []approval.Tally{{Need: grant.Need{Groups: []string{"secops-oncall"}, Quorum: 2}, Yes: []string{"p-alice"}}},
	}
}

// questioning asks one thing.
func questioning() desk.Sight {
	s := waiting()
	s.Request, s.Votes, s.Tally = nil, nil, nil
	s.Question = &approval.Question{
		ID: "judge", Run: s.Run, Playbook: s.Playbook, Question: "Was it you?", Groups: []string{"secops-oncall"}, People: []string{"p-alice", "p-bob"},
		Asked: at(0, 2), Expires: at(60, 2), Digest: asked,
		Form: approval.Form{
			{Name: "verdict", Title: "What was it", Type: expr.String, OneOf: []json.RawMessage{json.RawMessage(`"expected"`), json.RawMessage(`"hostile"`)}},
			{Name: "seen", Type: expr.Timestamp},
			{Name: "note", Type: expr.String, Optional: true},
			{Name: "hosts", Type: expr.Int, Optional: true},
			{Name: "cost", Type: expr.Double, Optional: true},
			{Name: "sure", Type: expr.Bool, Optional: true},
		},
	}
	return s
}
