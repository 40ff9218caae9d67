package standin

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

const (
	s3Namespace  = "http://s3.amazonaws.com/doc/2006-03-01/"
	xsiNamespace = "http://www.w3.org/2001/XMLSchema-instance"
)

// s3Actions maps a method and the subresource in the query to the action: path-style addresses
// alone, https://endpoint/bucket?subresource.
var s3Actions = map[string]string{
	"GET publicAccessBlock":    "GetPublicAccessBlock",
	"PUT publicAccessBlock":    "PutPublicAccessBlock",
	"DELETE publicAccessBlock": "DeletePublicAccessBlock",
	"GET policy":               "GetBucketPolicy",
	"PUT policy":               "PutBucketPolicy",
	"DELETE policy":            "DeleteBucketPolicy",
	"GET policyStatus":         "GetBucketPolicyStatus",
	"GET tagging":              "GetBucketTagging",
	"GET acl":                  "GetBucketAcl",
}

var s3Operations = map[string]operation{
	"GetPublicAccessBlock":    {run: getPublicAccessBlock},
	"PutPublicAccessBlock":    {run: putPublicAccessBlock, effect: changes},
	"DeletePublicAccessBlock": {run: deletePublicAccessBlock, effect: changes},
	"GetBucketPolicy":         {run: getBucketPolicy},
	"PutBucketPolicy":         {run: putBucketPolicy, effect: changes},
	"DeleteBucketPolicy":      {run: deleteBucketPolicy, effect: changes},
	"GetBucketPolicyStatus":   {run: getBucketPolicyStatus},
	"GetBucketTagging":        {run: getBucketTagging},
	"GetBucketAcl":            {run: getBucketACL},
	"ListBuckets":             {run: listBuckets},
}

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// decodeS3 reads REST-XML. The body becomes a tree like that of a JSON one.
func decodeS3(c *call, r *http.Request, body []byte) *failure {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return shared(c.service, malformed, "read query: %v", err)
	}
	for _, name := range sorted(query) {
		if action := s3Actions[r.Method+" "+name]; action != "" && bucket != "" && key == "" {
			c.action = action
		}
	}
	if c.action == "" && bucket == "" && r.Method == http.MethodGet {
		c.action, c.path = "ListBuckets", map[string]string{}
		for _, name := range []string{"prefix", "bucket-region", "continuation-token", "max-buckets"} {
			if query.Has(name) {
				c.path[name] = query.Get(name)
			}
		}
		return nil
	}
	if c.action == "" {
		return shared(c.service, unknownAction, "The stand-in has no %s of this resource", r.Method)
	}
	c.path = map[string]string{"Bucket": bucket}
	if owner := r.Header.Get("X-Amz-Expected-Bucket-Owner"); owner != "" {
		c.path["ExpectedBucketOwner"] = owner
	}
	if r.Method != http.MethodPut {
		return nil
	}
	if !checked(r.Header) {
		return bad("InvalidRequest", "Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
	}
	if c.action == "PutBucketPolicy" { // the one body that is no XML
		c.body = map[string]any{"Policy": string(body)}
		return nil
	}
	return c.readXMLBody(body)
}

func (c *call) readXMLBody(body []byte) *failure {
	tree, err := readXML(body)
	if err != nil {
		return shared(c.service, malformed, badXML)
	}
	c.body = tree
	return nil
}

const badXML = "The XML you provided was not well-formed or did not validate against our published schema"

// checked reports whether a request says what its body should sum up to.
func checked(header http.Header) bool {
	for name := range header {
		if name == "Content-Md5" || strings.HasPrefix(name, "X-Amz-Checksum-") {
			return true
		}
	}
	return false
}

// readXML reads elements as a tree of objects with texts at its leaves. Of elements with the same
// name the last counts: no request here has a list.
func readXML(raw []byte) (map[string]any, error) {
	type node struct {
		name string
		text strings.Builder
		kids map[string]any
	}
	root := &node{kids: map[string]any{}}
	open := []*node{root}
	dec := xml.NewDecoder(bytes.NewReader(raw))
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return root.kids, nil
		}
		if err != nil {
			return nil, err
		}
		at := open[len(open)-1]
		switch token := token.(type) {
		case xml.StartElement:
			if len(open) > maxDepth {
				return nil, errors.New("too deep")
			}
			open = append(open, &node{name: token.Name.Local})
		case xml.CharData:
			at.text.Write(token)
		case xml.EndElement:
			open = open[:len(open)-1]
			var value any = strings.TrimSpace(at.text.String())
			if at.kids != nil {
				value = at.kids
			}
			put(&open[len(open)-1].kids, at.name, value)
		}
	}
}

func s3Answer(w http.ResponseWriter, c *call, result any) {
	w.Header().Set("X-Amz-Request-Id", c.requestID)
	if policy, ok := result.(document); ok {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Amzn-RequestId", c.requestID)
		_, _ = w.Write([]byte(policy)) // an error can only be a client that has gone
		return
	}
	body, _ := result.(element)
	if body.name == "" {
		status := http.StatusOK
		if strings.HasPrefix(c.action, "Delete") {
			status = http.StatusNoContent
		}
		w.Header().Set("X-Amzn-RequestId", c.requestID)
		w.WriteHeader(status)
		return
	}
	content, _ := body.value.(elements)
	writeXML(w, c, http.StatusOK, body.name, s3Namespace, content)
}

func s3Fail(w http.ResponseWriter, c *call, f *failure) {
	w.Header().Set("X-Amz-Request-Id", c.requestID)
	writeXML(w, c, f.status, "Error", "", elements{
		{"Code", f.code},
		{"Message", f.message},
		{"BucketName", some(c.path["Bucket"])},
		{"RequestId", c.requestID},
		{"HostId", "stand-in"},
	})
}

// bucket finds the bucket that a request names, in the region it was sent to.
func (c *call) bucket() (*Bucket, error) {
	name := c.path["Bucket"]
	if !bucketName.MatchString(name) {
		return nil, bad("InvalidBucketName", "The specified bucket is not valid.")
	}
	for _, id := range sorted(c.state.Accounts) {
		for _, region := range sorted(c.state.Accounts[id].Regions) {
			b := c.state.Accounts[id].Regions[region].Buckets[name]
			owner := c.path["ExpectedBucketOwner"]
			switch {
			case b == nil:
				continue
			case id != c.caller.Account, owner != "" && owner != id:
				return nil, shared("s3", denied, "Access Denied")
			case region != c.region:
				return nil, fail(http.StatusMovedPermanently, "PermanentRedirect", "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.")
			}
			return b, nil
		}
	}
	return nil, fail(http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
}

func getPublicAccessBlock(c *call) (any, error) {
	b, err := c.bucket()
	if err != nil {
		return nil, err
	}
	return b.Block.read()
}

func putPublicAccessBlock(c *call) (any, error) {
	b, err := c.bucket()
	if err != nil {
		return nil, err
	}
	return c.writeBlock(&b.Block)
}

func deletePublicAccessBlock(c *call) (any, error) {
	b, err := c.bucket()
	if err != nil {
		return nil, err
	}
	c.changed = b.Block != nil
	b.Block = nil
	return element{}, nil
}

// read answers the block of a bucket or, in the same words, of an account.
func (b *PublicAccessBlock) read() (any, error) {
	if b == nil {
		return nil, fail(http.StatusNotFound, "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found")
	}
	return element{"PublicAccessBlockConfiguration", elements{
		{"BlockPublicAcls", b.BlockPublicAcls},
		{"IgnorePublicAcls", b.IgnorePublicAcls},
		{"BlockPublicPolicy", b.BlockPublicPolicy},
		{"RestrictPublicBuckets", b.RestrictPublicBuckets},
	}}, nil
}

// writeBlock takes a switch that is left out for off, as S3 does.
func (c *call) writeBlock(to **PublicAccessBlock) (any, error) {
	in, ok := c.body["PublicAccessBlockConfiguration"].(map[string]any)
	if !ok {
		return nil, shared(c.service, malformed, badXML)
	}
	want := &PublicAccessBlock{}
	for name, to := range map[string]*bool{
		"BlockPublicAcls": &want.BlockPublicAcls, "IgnorePublicAcls": &want.IgnorePublicAcls,
		"BlockPublicPolicy": &want.BlockPublicPolicy, "RestrictPublicBuckets": &want.RestrictPublicBuckets,
	} {
		said, there := in[name]
		if !there {
			continue
		}
		var err error
		if *to, err = strconv.ParseBool(text(said)); err != nil {
			return nil, shared(c.service, malformed, badXML)
		}
	}
	c.changed = *to == nil || **to != *want
	*to = want
	return element{}, nil
}

// grantee is written with the type as an attribute, which elements have none of.
type grantee struct {
	Space string `xml:"xmlns:xsi,attr"`
	Type  string `xml:"xsi:type,attr"`
	ID    string `xml:"ID,omitempty"`
	URI   string `xml:"URI,omitempty"`
}

func getBucketACL(c *call) (any, error) {
	b, err := c.bucket()
	if err != nil {
		return nil, err
	}
	owner := "canonical-user-of-" + c.caller.Account
	grants := elements{}
	for _, g := range append([]Grant{{Account: owner, Permission: "FULL_CONTROL"}}, b.Grants...) {
		who := grantee{Space: xsiNamespace, Type: "CanonicalUser", ID: g.Account}
		if g.Group != "" {
			who = grantee{Space: xsiNamespace, Type: "Group", URI: g.Group}
		}
		grants = append(grants, element{"Grant", elements{{"Grantee", who}, {"Permission", g.Permission}}})
	}
	return element{"AccessControlPolicy", elements{
		{"Owner", elements{{"ID", owner}}},
		{"AccessControlList", grants},
	}}, nil
}
