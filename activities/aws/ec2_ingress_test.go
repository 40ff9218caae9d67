package aws

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

const groupJSON = `{"account":"111122223333","region":"us-east-1","group_id":"sg-0000000000000000b"}`

func TestListOpenIngress(t *testing.T) {
	w := newWorld(t)
	require.JSONEq(t, `{
		"name":"ssh-admin","description":"ssh from the office","vpc_id":"vpc-0a1b2c3d4e5f67890","tags":{},
		"rules":[{"rule_id":"sgr-00000000000000009","protocol":"tcp","from_port":22,"to_port":22,"cidr":"0.0.0.0/0","description":"temporary"}],
		"rule_ids":["sgr-00000000000000009"],"summary":"tcp 22 from 0.0.0.0/0","interfaces":1,"instances":["i-0abc123def4567890"]}`,
		string(w.run(t, "aws.ec2.list_open_ingress", groupJSON)))

	_, err := w.attempt(step(t.Context()), t, "aws.ec2.list_open_ingress", noGroup+`}`)
	require.Equal(t, "InvalidGroup.NotFound", kindOf(t, err).Kind)
}

func TestWhatCountsAsOpen(t *testing.T) {
	rule := func(protocol string, from, to int, cidr string) standin.Rule {
		r := standin.Rule{Protocol: protocol, From: &from, To: &to, CIDR: cidr}
		if protocol == "-1" {
			r.From, r.To = nil, nil
		}
		return r
	}
	six := rule("tcp", 3389, 3389, "")
	six.CIDRv6 = "::/0"
	for name, tc := range map[string]struct {
		rule  standin.Rule
		ports string
		want  string
	}{
		"ssh":                  {rule("tcp", 22, 22, "0.0.0.0/0"), "", "tcp 22 from 0.0.0.0/0"},
		"a range around ssh":   {rule("tcp", 0, 1024, "0.0.0.0/0"), "", "tcp 0-1024 from 0.0.0.0/0"},
		"everything":           {rule("-1", 0, 0, "0.0.0.0/0"), "", "everything from 0.0.0.0/0"},
		"IPv6":                 {six, "", "tcp 3389 from ::/0"},
		"udp":                  {rule("udp", 135, 135, "0.0.0.0/0"), "", "udp 135 from 0.0.0.0/0"},
		"the web":              {rule("tcp", 443, 443, "0.0.0.0/0"), "", ""},
		"the web, asked for":   {rule("tcp", 443, 443, "0.0.0.0/0"), `,"ports":[80,443]`, "tcp 443 from 0.0.0.0/0"},
		"ssh, not asked for":   {rule("tcp", 22, 22, "0.0.0.0/0"), `,"ports":[3389]`, ""},
		"ping":                 {rule("icmp", -1, -1, "0.0.0.0/0"), "", ""},
		"from a network":       {rule("tcp", 22, 22, "203.0.113.0/24"), "", ""},
		"from another group":   {standin.Rule{Protocol: "-1", Group: standin.SampleWebGroup, GroupOwner: standin.SampleAccount}, "", ""},
		"half of the Internet": {rule("tcp", 22, 22, "0.0.0.0/1"), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tc.rule.ID = "sgr-0000000000000000f"
			w.Update(func(s *standin.State) {
				region(s).SecurityGroups[standin.SampleSSHGroup].Ingress = []standin.Rule{tc.rule}
				region(s).SecurityGroups[standin.SampleSSHGroup].Egress = []standin.Rule{{ID: "sgr-0000000000000000e", Protocol: "-1", CIDR: "0.0.0.0/0"}}
			})
			out := decode[openIngressOutput](t, w.run(t, "aws.ec2.list_open_ingress",
				`{"account":"111122223333","region":"us-east-1","group_id":"sg-0000000000000000b"`+tc.ports+`}`))
			require.Equal(t, tc.want, out.Summary)
			require.Equal(t, tc.want != "", len(out.RuleIDs) == 1)
		})
	}
}

// Under this name no other rule can be revoked, or made.
func TestOpenIngressAlone(t *testing.T) {
	w := newWorld(t)
	for name, tc := range map[string]struct{ activity, args, kind string }{
		"a rule for a network":  {"aws.ec2.revoke_open_ingress", `"rule_ids":["sgr-00000000000000009","sgr-00000000000000005"]`, "NotOpen"},
		"an egress rule":        {"aws.ec2.revoke_open_ingress", `"rule_ids":["sgr-00000000000000006"]`, "NotOpen"},
		"a way in for a friend": {"aws.ec2.restore_ingress", `"rules":[{"rule_id":"sgr-1","protocol":"tcp","from_port":22,"to_port":22,"cidr":"198.51.100.7/32"}]`, "BadInput"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.attempt(step(t.Context()), t, tc.activity, `{"account":"111122223333","region":"us-east-1","group_id":"sg-0000000000000000b",`+tc.args+`}`)
			require.Equal(t, tc.kind, kindOf(t, err).Kind)
			require.True(t, kindOf(t, err).Permanent)
		})
	}
	require.Empty(t, w.Mutations())
}

// Rules come back as they were, whatever their form, also those of which one is there already.
func TestRestoreIngressOfManyRules(t *testing.T) {
	w := newWorld(t)
	port, last := 8000, 9999
	rules := []standin.Rule{
		{ID: "sgr-000000000000000a1", Protocol: "-1", CIDRv6: "::/0"},
		{ID: "sgr-000000000000000a2", Protocol: "tcp", From: &port, To: &last, CIDR: "0.0.0.0/0", Description: "for the demo"},
		{ID: "sgr-000000000000000a3", Protocol: "udp", From: &port, To: &port, CIDR: "0.0.0.0/0"},
	}
	w.Update(func(s *standin.State) { region(s).SecurityGroups[standin.SampleSSHGroup].Ingress = rules })
	const input = `{"account":"111122223333","region":"us-east-1","group_id":"sg-0000000000000000b","rule_ids":["sgr-000000000000000a1","sgr-000000000000000a2","sgr-000000000000000a3"]}`
	out := w.run(t, "aws.ec2.revoke_open_ingress", input)
	require.Len(t, decode[revokeIngressOutput](t, out).Rules, 3)

	w.Update(func(s *standin.State) { region(s).SecurityGroups[standin.SampleSSHGroup].Ingress = rules[1:2] })
	undo, undoInput := w.undo(t, "aws.ec2.revoke_open_ingress", input, out)
	made := decode[restoreIngressOutput](t, w.run(t, undo, undoInput))
	require.Len(t, made.RuleIDs, 2, "the third was there")
	got := map[string]bool{}
	state := w.State()
	for _, r := range region(&state).SecurityGroups[standin.SampleSSHGroup].Ingress {
		got[fmt.Sprint(r.Protocol, r.CIDR, r.CIDRv6, r.From != nil, r.Description)] = true
	}
	require.Equal(t, map[string]bool{"-1::/0false": true, "tcp0.0.0.0/0truefor the demo": true, "udp0.0.0.0/0true": true}, got)
}
