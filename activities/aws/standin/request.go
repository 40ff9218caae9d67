package standin

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// maxBody bounds the body of a request.
const maxBody = 1 << 20

// maxAction bounds what the call log keeps of an action's name. Real ones stay far below.
const maxAction = 128

// credential finds the scope in a SigV4 Authorization header:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
var credential = regexp.MustCompile(`^AWS4-HMAC-SHA256\s+(?:.*,\s*)?Credential=([A-Za-z0-9_]{3,128})/[0-9]{8}/([a-z0-9-]{1,40})/([a-z0-9-]{1,40})/aws4_request(?:,|\s|$)`)

// effect says what an operation does to the state.
type effect int

const (
	reads    effect = iota
	advances        // a read that moves something on that goes by itself, like the progress of a snapshot
	changes
)

// operation is one action of a service.
type operation struct {
	effect effect
	items  bool // FailItems applies
	// rests reports of one that advances that there is nothing to move on: it is answered as a read
	// then, without a copy of anything. nil: there may always be.
	rests func(*call) bool
	run   func(*call) (any, error)
}

// call is one request on its way through.
type call struct {
	protocol  *protocol
	service   string
	action    string
	region    string
	keyID     string
	requestID string
	now       time.Time
	caller    Caller
	token     string    // X-Amz-Security-Token
	session   *session  // nil: no assumed role calls
	sessions  *sessions // where AssumeRole puts new ones

	params *param         // of a Query request
	body   map[string]any // of a JSON request
	path   map[string]string

	state     *State
	log       []Mutation // as long as the state is old
	reports   map[string]*credentialReport
	jobs      map[string]*accessJob
	changed   bool // the operation made a difference
	failItems bool
}

// account is the caller's account; empty where an older state does not know it.
func (c *call) account() *Account {
	if account := c.state.Accounts[c.caller.Account]; account != nil {
		return account
	}
	return &Account{}
}

// here is the account's region. One that does not exist is empty; it is not added, since without a
// VPC or a detector in it there is nothing that could be changed.
func (c *call) here() *Region {
	if region := c.account().Regions[c.region]; region != nil {
		return region
	}
	return &Region{}
}

// parameters is what the log keeps of the request.
func (c *call) parameters() map[string]any {
	out := map[string]any{}
	for key, value := range c.path {
		out[key] = value
	}
	if c.params != nil {
		for key, kid := range c.params.kids {
			if key != "Action" && key != "Version" {
				out[key] = kid.tree()
			}
		}
	}
	for key, value := range c.body {
		out[key] = cloneTree(value)
	}
	return out
}

// decode reads a request without looking at the state. The call is usable for an error answer
// even when it is refused.
func decode(r *http.Request) (*call, *failure) {
	c := &call{requestID: newRequestID(), protocol: &plain, params: &param{}}
	c.token = r.Header.Get("X-Amz-Security-Token")
	header := r.Header.Get("Authorization")
	scope := credential.FindStringSubmatch(header)
	if scope == nil {
		// Nobody said which service is meant. The target header and the path give a hint for the form
		// of the answer; the Query form is the fallback.
		if r.Header.Get("X-Amz-Target") != "" {
			c.service = "cloudtrail"
		} else if strings.HasPrefix(r.URL.Path, "/detector") {
			c.service = "guardduty"
		}
		if p := protocols[c.service]; p != nil {
			c.protocol = p
		}
		if header == "" {
			return c, shared(c.service, missingToken, "Request is missing Authentication Token")
		}
		return c, shared(c.service, incompleteSignature, "The Authorization header carries no credential scope of the form AWS4-HMAC-SHA256 Credential=key/date/region/service/aws4_request")
	}
	c.keyID, c.region, c.service = scope[1], scope[2], scope[3]
	if c.service == "s3" && strings.HasPrefix(r.URL.Path, s3controlPrefix) {
		c.service = "s3control"
	}
	p := protocols[c.service]
	if p == nil {
		return c, shared(c.service, unknownAction, "The stand-in has no service %q; it has %s", c.service, strings.Join(sorted(protocols), ", "))
	}
	c.protocol = p
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return c, shared(c.service, malformed, "read body: %v", err)
	}
	if len(body) > maxBody {
		return c, shared(c.service, tooLarge, "The body is longer than %d bytes", maxBody)
	}
	refused := p.decode(c, r, body)
	if len(c.action) > maxAction {
		c.action = c.action[:maxAction]
	}
	return c, refused
}
