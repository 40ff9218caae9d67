package web

import (
	"errors"
	"regexp"
	"strings"

	"github.com/slack-go/slack"
)

// kinds are Slack's error codes by what can be done about them. What is not named here is a [Bug]: it
// is not repeated, and somebody looks at it.
var kinds = map[string]Kind{
	"ratelimited": Later, "rate_limited": Later, "service_unavailable": Later, "team_added_to_org": Later,
	"request_timeout": Later, // the body did not arrive whole, so nothing was done

	// Slack says of these that some of what was asked may have been done.
	"internal_error": Ambiguous, "fatal_error": Ambiguous,

	"invalid_auth": Operator, "not_authed": Operator, "token_revoked": Operator, "token_expired": Operator,
	"account_inactive": Operator, "missing_scope": Operator, "not_allowed_token_type": Operator, "no_permission": Operator,
	"access_denied": Operator, "accesslimited": Operator, "org_login_required": Operator, "ekm_access_denied": Operator,
	"team_access_not_granted": Operator, "enterprise_is_restricted": Operator, "two_factor_setup_required": Operator,
	"not_in_channel": Operator, "channel_not_found": Operator, "is_archived": Operator, "channel_is_archived": Operator,
	"message_limit_exceeded": Operator, "paid_teams_only": Operator, "plan_upgrade_required": Operator,
	"no_such_subteam": Operator, "subteam_not_found": Operator, "messages_tab_disabled": Operator, "not_enabled": Operator,
	"cannot_dm_bot": Operator, "user_is_bot": Operator, "group_disabled": Operator,

	"message_not_found": Gone, "edit_window_closed": Gone, "is_inactive": Gone, "cant_update_message": Gone,
	"cant_delete_message": Gone, "thread_not_found": Gone, "thread_locked": Gone, "not_found": Gone, "view_not_found": Gone,
	"hash_conflict": Gone, "expired_trigger_id": Gone, "exchanged_trigger_id": Gone, "invalid_trigger_id": Gone,
	"expired_url": Gone, "used_url": Gone, "user_not_found": Gone, "users_not_found": Gone, "user_not_in_channel": Gone,
	"user_not_visible": Gone, "user_disabled": Gone,
}

// kindOf is the kind of a code of Slack's.
func kindOf(code string) Kind {
	if k, ok := kinds[code]; ok {
		return k
	}
	if strings.HasPrefix(code, "restricted_action") {
		return Operator
	}
	return Bug
}

// classify makes an [Error] of what a call came back with. Where repeating the call does no harm, what
// may have happened is to be tried again.
func classify(method string, repeat bool, err error) *Error {
	e := &Error{Method: method, Err: withoutURL(err)}
	if f, ok := errors.AsType[*failure](err); ok {
		e.Code, e.After, e.Err = f.code, f.after, f.err
		switch {
		case f.sent && strings.HasPrefix(f.code, "http_") && f.code < "http_500":
			e.Kind = Operator // whatever answers there is not the API
		case f.sent:
			e.Kind = Ambiguous
		default:
			e.Kind = Later
		}
	} else if s, ok := errors.AsType[slack.SlackErrorResponse](err); ok {
		e.Code, e.Err = code(s.Err), nil
		e.Kind, e.Needed, e.Where = kindOf(e.Code), scopes(s.Needed), pointers(s.ResponseMetadata.Messages)
	} else {
		// slack-go gave up before anything was sent, or on an answer that is one of the API, but not of
		// the shape that it knows.
		e.Code, e.Kind = "answer", Ambiguous
	}
	if e.Kind == Ambiguous && repeat {
		e.Kind = Later
	}
	return e
}

var (
	codeShape    = regexp.MustCompile(`^[a-z0-9_.:-]{1,64}$`)
	scopeShape   = regexp.MustCompile(`^[a-z0-9_.:, -]{1,256}$`)
	pointerShape = regexp.MustCompile(`json-pointer:([A-Za-z0-9_/]{1,128})`)
)

// code is an error code that may be shown.
func code(s string) string {
	if !codeShape.MatchString(s) {
		return "unknown_error"
	}
	return s
}

func scopes(s string) string {
	if !scopeShape.MatchString(s) {
		return ""
	}
	return s
}

// pointers are the places in what was sent that Slack names. Its sentences may repeat what was sent, so
// they are left out.
func pointers(messages []string) []string {
	var out []string
	for _, m := range messages {
		for _, p := range pointerShape.FindAllStringSubmatch(m, -1) {
			if len(out) < 10 {
				out = append(out, p[1])
			}
		}
	}
	return out
}
