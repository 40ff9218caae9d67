package standin

import "net/http"

const s3controlNamespace = "http://awss3control.amazonaws.com/doc/2018-08-20/"

// s3controlPrefix begins the paths of S3 Control, whose requests are signed for S3.
const s3controlPrefix = "/v20180820/"

var s3controlRoutes = []route{
	{http.MethodGet, s3controlPrefix + "configuration/publicAccessBlock", "GetPublicAccessBlock"},
	{http.MethodPut, s3controlPrefix + "configuration/publicAccessBlock", "PutPublicAccessBlock"},
	{http.MethodDelete, s3controlPrefix + "configuration/publicAccessBlock", "DeletePublicAccessBlock"},
}

var s3controlOperations = map[string]operation{
	"GetPublicAccessBlock":    {run: getAccountBlock},
	"PutPublicAccessBlock":    {run: putAccountBlock, effect: changes},
	"DeletePublicAccessBlock": {run: deleteAccountBlock, effect: changes},
}

// decodeS3Control reads REST-XML. The account is read from its header; that the real service has it
// in the name of the host, too, does not matter here.
func decodeS3Control(c *call, r *http.Request, body []byte) *failure {
	for _, route := range s3controlRoutes {
		if _, ok := route.match(r.Method, r.URL.EscapedPath()); ok {
			c.action = route.action
		}
	}
	if c.action == "" {
		return shared(c.service, unknownAction, "The stand-in has no %s %s", r.Method, r.URL.Path)
	}
	account := r.Header.Get("X-Amz-Account-Id")
	if account == "" {
		return bad("InvalidRequest", "Missing required header for this request: x-amz-account-id")
	}
	c.path = map[string]string{"AccountId": account}
	if r.Method != http.MethodPut {
		return nil
	}
	return c.readXMLBody(body)
}

func s3controlAnswer(w http.ResponseWriter, c *call, result any) {
	w.Header().Set("X-Amz-Request-Id", c.requestID)
	body, _ := result.(element)
	if body.name == "" {
		w.Header().Set("X-Amzn-RequestId", c.requestID)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	content, _ := body.value.(elements)
	writeXML(w, c, http.StatusOK, body.name, s3controlNamespace, content)
}

func s3controlFail(w http.ResponseWriter, c *call, f *failure) {
	w.Header().Set("X-Amz-Request-Id", c.requestID)
	writeXML(w, c, f.status, "ErrorResponse", "", elements{
		{"Error", elements{{"Code", f.code}, {"Message", f.message}}},
		{"RequestId", c.requestID},
		{"HostId", "stand-in"},
	})
}

// named finds the account that a request names, which is the caller's or none of theirs.
func (c *call) named() (*Account, error) {
	account := c.state.Accounts[c.caller.Account]
	if account == nil || c.path["AccountId"] != c.caller.Account {
		return nil, shared(c.service, denied, "Access Denied")
	}
	return account, nil
}

func getAccountBlock(c *call) (any, error) {
	account, err := c.named()
	if err != nil {
		return nil, err
	}
	return account.PublicAccessBlock.read()
}

func putAccountBlock(c *call) (any, error) {
	account, err := c.named()
	if err != nil {
		return nil, err
	}
	return c.writeBlock(&account.PublicAccessBlock)
}

func deleteAccountBlock(c *call) (any, error) {
	account, err := c.named()
	if err != nil {
		return nil, err
	}
	c.changed = account.PublicAccessBlock != nil
	account.PublicAccessBlock = nil
	return element{}, nil
}
