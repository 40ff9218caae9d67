package session

import (
	"path"
	"strings"
)

// ProtectedTag marks what no effect may touch, whatever people approve: any value but "false" counts.
const ProtectedTag = "secops:protected"

// Protected says why nothing may be changed about a thing of an account that c reaches; "" is nothing
// against it.
func (s *Sessions) Protected(c *Clients, arn string, tags map[string]string) string {
	if value, tagged := tags[ProtectedTag]; tagged && value != "false" {
		return "its tag " + ProtectedTag + " protects it"
	}
	if own := s.own(c, arn); own != "" {
		return own
	}
	if strings.Contains(arn, ":role/aws-service-role/") {
		return "it is the role of an AWS service"
	}
	a := s.opts.Accounts
	if a == nil {
		return ""
	}
	for _, tag := range a.Protected.Tags {
		key, want, valued := strings.Cut(tag, "=")
		if value, tagged := tags[key]; tagged && (!valued || value == want) {
			return "its tag " + tag + " protects it"
		}
	}
	for _, glob := range a.Protected.ARNs {
		if matches(glob, arn) {
			return "the accounts file protects " + glob
		}
	}
	for _, glob := range a.Protected.BreakGlass {
		if name, ok := principalName(arn); ok && matches(glob, name) {
			return "it is kept for when nothing else works (break_glass " + glob + ")"
		}
	}
	return ""
}

// own says what a thing is to the worker itself: without it the worker could undo nothing.
func (s *Sessions) own(c *Clients, arn string) string {
	arn = bare(arn)
	if arn == "" {
		return ""
	}
	if arn == bare(c.Principal) {
		return "the worker acts by it"
	}
	if a := s.opts.Accounts; a != nil {
		switch arn {
		case bare(a.Hub):
			return "it is the worker's hub"
		case a.role(c.Account, a.Roles.Read), a.role(c.Account, a.Roles.Respond):
			return "it is a role that the worker acts by"
		}
	}
	if who, ok := s.worker.Load().(string); ok && bare(principalOf(who)) == arn {
		return "the worker runs as it"
	}
	return ""
}

// principalName is the name of a role or a user.
func principalName(arn string) (string, bool) {
	for _, kind := range []string{":role/", ":user/"} {
		if _, name, ok := strings.Cut(arn, kind); ok {
			return name[strings.LastIndexByte(name, '/')+1:], true
		}
	}
	return "", false
}

// matches knows * and ?, and nothing else has a meaning; * goes over slashes.
func matches(glob, text string) bool {
	over := strings.NewReplacer("/", "\x00", "[", `\[`, "\\", `\\`)
	ok, err := path.Match(over.Replace(glob), strings.ReplaceAll(text, "/", "\x00"))
	return err == nil && ok
}
