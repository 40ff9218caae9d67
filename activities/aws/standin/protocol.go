package standin

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"time"
)

// protocol is how one service is spoken: how a request becomes an action, and an outcome an answer.
type protocol struct {
	version    string  // Query: the API version a request must name
	target     string  // JSON 1.1: the prefix of X-Amz-Target
	routes     []route // REST-JSON
	operations map[string]operation

	decode func(*call, *http.Request, []byte) *failure
	answer func(http.ResponseWriter, *call, any)
	fail   func(http.ResponseWriter, *call, *failure)
}

const (
	iamNamespace = "https://iam.amazonaws.com/doc/2010-05-08/"
	stsNamespace = "https://sts.amazonaws.com/doc/2011-06-15/"
	ec2Namespace = "http://ec2.amazonaws.com/doc/2016-11-15/"
	asgNamespace = "http://autoscaling.amazonaws.com/doc/2011-01-01/"
	elbNamespace = "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"
	rdsNamespace = "http://rds.amazonaws.com/doc/2014-10-31/"
)

// plain answers what no service can be named for.
var plain = protocol{fail: queryFail("https://sts.amazonaws.com/doc/2011-06-15/")}

var protocols = map[string]*protocol{
	"iam": {
		version: "2010-05-08", operations: iamOperations,
		decode: decodeQuery, answer: queryAnswer(iamNamespace), fail: queryFail(iamNamespace),
	},
	"sts": {
		version: "2011-06-15", operations: stsOperations,
		decode: decodeQuery, answer: queryAnswer(stsNamespace), fail: queryFail(stsNamespace),
	},
	"organizations": json11("AWSOrganizationsV20161128", organizationsOperations),
	"ec2": {
		version: "2016-11-15", operations: ec2Operations,
		decode: decodeQuery, answer: ec2Answer, fail: ec2Fail,
	},
	"autoscaling": {
		version: "2011-01-01", operations: scalingOperations,
		decode: decodeQuery, answer: queryAnswer(asgNamespace), fail: queryFail(asgNamespace),
	},
	"elasticloadbalancing": {
		version: "2015-12-01", operations: elbOperations,
		decode: decodeQuery, answer: queryAnswer(elbNamespace), fail: queryFail(elbNamespace),
	},
	"rds": {
		version: "2014-10-31", operations: rdsOperations,
		decode: decodeQuery, answer: queryAnswer(rdsNamespace), fail: queryFail(rdsNamespace),
	},
	"guardduty": {
		routes: guarddutyRoutes, operations: guarddutyOperations,
		decode: decodeREST, answer: jsonAnswer("application/json"), fail: restFail,
	},
	"kms":         json11("TrentService", kmsOperations),
	"ssm":         json11("AmazonSSM", ssmOperations),
	"lambda":      restJSON(lambdaRoutes, lambdaOperations),
	"securityhub": restJSON(securityhubRoutes, securityhubOperations),
	"s3": {
		operations: s3Operations,
		decode:     decodeS3, answer: s3Answer, fail: s3Fail,
	},
	"s3control": {
		operations: s3controlOperations,
		decode:     decodeS3Control, answer: s3controlAnswer, fail: s3controlFail,
	},
	"cloudtrail": {
		target: "CloudTrail_20131101", operations: cloudtrailOperations,
		decode: decodeJSON, answer: jsonAnswer("application/x-amz-json-1.1"), fail: jsonFail,
	},
	"account": {
		routes: accountRoutes, operations: accountOperations,
		decode: decodeREST, answer: jsonAnswer("application/json"), fail: restFail,
	},
	"access-analyzer": {
		routes: analyzerRoutes, operations: analyzerOperations,
		decode: decodeREST, answer: jsonAnswer("application/json"), fail: restFail,
	},
	"config": {
		target: "StarlingDoveService", operations: configOperations,
		decode: decodeJSON, answer: jsonAnswer("application/x-amz-json-1.1"), fail: jsonFail,
	},
	"secretsmanager": {
		target: "secretsmanager", operations: secretsOperations,
		decode: decodeJSON, answer: jsonAnswer("application/x-amz-json-1.1"), fail: jsonFail,
	},
}

// json11 is a service that speaks JSON 1.1.
func json11(target string, operations map[string]operation) *protocol {
	return &protocol{
		target: target, operations: operations,
		decode: decodeJSON, answer: jsonAnswer("application/x-amz-json-1.1"), fail: jsonFail,
	}
}

// restJSON is a service that speaks REST-JSON.
func restJSON(routes []route, operations map[string]operation) *protocol {
	return &protocol{
		routes: routes, operations: operations,
		decode: decodeREST, answer: jsonAnswer("application/json"), fail: restFail,
	}
}

// elements are XML elements in order. A nil value writes nothing.
type elements []element

type element struct {
	name  string
	value any
}

// MarshalXML writes the elements below start.
func (es elements) MarshalXML(enc *xml.Encoder, start xml.StartElement) error {
	if err := enc.EncodeToken(start); err != nil {
		return err
	}
	for _, e := range es {
		if e.value == nil {
			continue
		}
		if err := enc.EncodeElement(e.value, xml.StartElement{Name: xml.Name{Local: e.name}}); err != nil {
			return err
		}
	}
	return enc.EncodeToken(start.End())
}

// some is text, or no element at all when it is empty.
func some(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func iamTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
func ec2Time(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func writeXML(w http.ResponseWriter, c *call, status int, root, namespace string, body elements) {
	start := xml.StartElement{Name: xml.Name{Local: root}}
	if namespace != "" {
		start.Attr = []xml.Attr{{Name: xml.Name{Local: "xmlns"}, Value: namespace}}
	}
	w.Header().Set("Content-Type", "text/xml;charset=UTF-8")
	w.Header().Set("X-Amzn-RequestId", c.requestID)
	w.WriteHeader(status)
	// From here an error can only be a client that has gone.
	_, _ = w.Write([]byte(xml.Header))
	_ = xml.NewEncoder(w).EncodeElement(body, start)
}

func queryAnswer(namespace string) func(http.ResponseWriter, *call, any) {
	return func(w http.ResponseWriter, c *call, result any) {
		writeXML(w, c, http.StatusOK, c.action+"Response", namespace, elements{
			{c.action + "Result", result},
			{"ResponseMetadata", elements{{"RequestId", c.requestID}}},
		})
	}
}

func queryFail(namespace string) func(http.ResponseWriter, *call, *failure) {
	return func(w http.ResponseWriter, c *call, f *failure) {
		blame := "Sender"
		if f.status >= 500 {
			blame = "Receiver"
		}
		writeXML(w, c, f.status, "ErrorResponse", namespace, elements{
			{"Error", elements{{"Type", blame}, {"Code", f.code}, {"Message", f.message}}},
			{"RequestId", c.requestID},
		})
	}
}

func ec2Answer(w http.ResponseWriter, c *call, result any) {
	body, _ := result.(elements)
	writeXML(w, c, http.StatusOK, c.action+"Response", ec2Namespace, append(elements{{"requestId", c.requestID}}, body...))
}

func ec2Fail(w http.ResponseWriter, c *call, f *failure) {
	writeXML(w, c, f.status, "Response", "", elements{
		{"Errors", elements{{"Error", elements{{"Code", f.code}, {"Message", f.message}}}}},
		{"RequestID", c.requestID},
	})
}

func writeJSON(w http.ResponseWriter, c *call, status int, contentType string, body any) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Amzn-RequestId", c.requestID)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // an error can only be a client that has gone
}

func jsonAnswer(contentType string) func(http.ResponseWriter, *call, any) {
	return func(w http.ResponseWriter, c *call, result any) {
		if result == nil {
			result = struct{}{}
		}
		writeJSON(w, c, http.StatusOK, contentType, result)
	}
}

func jsonFail(w http.ResponseWriter, c *call, f *failure) {
	writeJSON(w, c, f.status, "application/x-amz-json-1.1", map[string]string{"__type": f.code, "message": f.message})
}

func restFail(w http.ResponseWriter, c *call, f *failure) {
	w.Header().Set("X-Amzn-ErrorType", f.code)
	kind := f.kind
	if kind == "" {
		kind = f.code
	}
	// Clients differ in which spelling of the type they read.
	writeJSON(w, c, f.status, "application/json", map[string]string{"__type": kind, "type": kind, "message": f.message})
}
