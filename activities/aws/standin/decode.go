package standin

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// decodeQuery reads AWS Query and EC2 Query: a form in the body, the URL, or both.
func decodeQuery(c *call, r *http.Request, body []byte) *failure {
	raw := r.URL.RawQuery
	if r.Method == http.MethodPost && len(body) > 0 {
		if raw != "" {
			raw += "&"
		}
		raw += string(body)
	}
	params, err := parseForm(raw)
	if err != nil {
		return shared(c.service, malformed, "%v", err)
	}
	c.params, c.action = params, params.str("Action")
	if c.action == "" {
		return shared(c.service, unknownAction, "The request names no Action")
	}
	if version := params.str("Version"); version != c.protocol.version {
		return shared(c.service, unknownAction, "Could not find operation %s for version %s", c.action, version)
	}
	return nil
}

// decodeJSON reads JSON 1.1: the action is in a header, after the last dot.
func decodeJSON(c *call, r *http.Request, body []byte) *failure {
	target := r.Header.Get("X-Amz-Target")
	prefix, action, ok := strings.Cut(target, ".")
	if at := strings.LastIndexByte(target, '.'); ok && at > len(prefix) {
		// The long form, com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents, is good too.
		prefix, action = target[:at], target[at+1:]
		prefix = prefix[strings.LastIndexByte(prefix, '.')+1:]
	}
	if !ok || prefix != c.protocol.target || r.Method != http.MethodPost {
		return shared(c.service, unknownAction, "The X-Amz-Target header names no action of %s", c.protocol.target)
	}
	c.action = action
	return c.readBody(body)
}

// decodeREST reads REST-JSON: method and path are the action.
func decodeREST(c *call, r *http.Request, body []byte) *failure {
	for _, route := range c.protocol.routes {
		if vars, ok := route.match(r.Method, r.URL.EscapedPath()); ok {
			c.action, c.path = route.action, vars
			if params, err := parseForm(r.URL.RawQuery); err == nil {
				c.params = params
			}
			return c.readBody(body)
		}
	}
	return shared(c.service, unknownAction, "The stand-in has no %s %s", r.Method, r.URL.Path)
}

// route is one method and path of a REST service; a part in braces is a variable.
type route struct {
	method, path, action string
}

func (rt route) match(method, escaped string) (map[string]string, bool) {
	if method != rt.method {
		return nil, false
	}
	want, got := strings.Split(rt.path, "/"), strings.Split(escaped, "/")
	if len(want) != len(got) {
		return nil, false
	}
	var vars map[string]string
	for i, part := range want {
		text, err := url.PathUnescape(got[i])
		switch {
		case err != nil:
			return nil, false
		case strings.HasPrefix(part, "{"):
			put(&vars, strings.Trim(part, "{}"), text)
		case part != text:
			return nil, false
		}
	}
	return vars, true
}

func (c *call) readBody(raw []byte) *failure {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if err := dec.Decode(&c.body); err != nil {
		return shared(c.service, malformed, "read body: %v", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return shared(c.service, malformed, "read body: more follows after the object")
	}
	return nil
}

// into decodes the JSON body into a struct, so that a wrong type is the client's error.
func (c *call) into(v any) *failure {
	raw, err := json.Marshal(c.body)
	if err == nil {
		err = json.Unmarshal(raw, v)
	}
	if err != nil {
		return shared(c.service, malformed, "read body: %v", err)
	}
	return nil
}
