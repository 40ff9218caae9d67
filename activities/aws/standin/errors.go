package standin

import (
	"fmt"
	"net/http"
)

// failure is an error answer of the API: what the client's SDK turns into its own error types.
type failure struct {
	status  int
	code    string
	message string
	// kind is the type in a REST-JSON body where it differs from the code in the header.
	kind string
}

func (f *failure) Error() string { return f.code + ": " + f.message }

func fail(status int, code, format string, args ...any) *failure {
	return &failure{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

// bad is a failure with status 400, what most of them are.
func bad(code, format string, args ...any) *failure {
	return fail(http.StatusBadRequest, code, format, args...)
}

// common names the failures that every service has, but each spells in its own way.
type common int

const (
	missingToken common = iota
	incompleteSignature
	unknownKey
	unknownAction
	throttled
	denied
	expired
	internal
	tooLarge
	malformed
)

type spelling struct {
	status int
	code   string
}

var querySpelling = map[common]spelling{
	missingToken:        {403, "MissingAuthenticationToken"},
	incompleteSignature: {400, "IncompleteSignature"},
	unknownKey:          {403, "InvalidClientTokenId"},
	unknownAction:       {400, "InvalidAction"},
	throttled:           {400, "Throttling"},
	denied:              {403, "AccessDenied"},
	expired:             {403, "ExpiredToken"},
	internal:            {500, "InternalFailure"},
	tooLarge:            {413, "RequestEntityTooLarge"},
	malformed:           {400, "MalformedInput"},
}

var s3Spelling = map[common]spelling{
	missingToken: {403, "AccessDenied"}, incompleteSignature: {400, "AuthorizationHeaderMalformed"},
	unknownKey: {403, "InvalidAccessKeyId"}, unknownAction: {501, "NotImplemented"},
	throttled: {503, "SlowDown"}, expired: {400, "ExpiredToken"}, internal: {500, "InternalError"},
	tooLarge: {400, "EntityTooLarge"}, malformed: {400, "MalformedXML"},
}

// jsonSpelling is that of the services that speak JSON 1.1, restSpelling of those that speak REST-JSON.
var (
	jsonSpelling = map[common]spelling{
		missingToken: {400, "MissingAuthenticationTokenException"}, incompleteSignature: {400, "IncompleteSignatureException"},
		unknownKey: {400, "UnrecognizedClientException"}, unknownAction: {400, "UnknownOperationException"},
		throttled: {400, "ThrottlingException"}, denied: {400, "AccessDeniedException"},
		expired: {400, "ExpiredTokenException"}, internal: {500, "InternalFailure"},
		malformed: {400, "SerializationException"},
	}
	restSpelling = map[common]spelling{
		missingToken: {403, "MissingAuthenticationTokenException"}, incompleteSignature: {403, "IncompleteSignatureException"},
		unknownKey: {403, "UnrecognizedClientException"}, unknownAction: {400, "UnknownOperationException"},
		throttled: {429, "TooManyRequestsException"}, denied: {403, "AccessDeniedException"},
		expired: {403, "ExpiredTokenException"}, internal: {500, "InternalException"},
		malformed: {400, "SerializationException"},
	}
)

// spellings holds what differs from querySpelling, by service. EC2 and S3 say 503 to a throttled caller,
// JSON 1.1 says 400 to everything that is not its own fault.
var spellings = map[string]map[common]spelling{
	"iam":    {internal: {500, "ServiceFailure"}},
	"lambda": restSpelling, "secretsmanager": jsonSpelling, "ssm": jsonSpelling,
	"organizations": jsonSpelling,
	"ec2": {
		missingToken: {401, "AuthFailure"}, unknownKey: {401, "AuthFailure"},
		throttled: {503, "RequestLimitExceeded"}, denied: {403, "UnauthorizedOperation"},
		expired: {400, "RequestExpired"}, internal: {500, "InternalError"},
		malformed: {400, "MalformedQueryString"},
	},
	"s3": s3Spelling, "s3control": s3Spelling,
	"guardduty": {
		missingToken: {403, "MissingAuthenticationTokenException"}, incompleteSignature: {403, "IncompleteSignatureException"},
		unknownKey: {403, "UnrecognizedClientException"}, unknownAction: {400, "UnknownOperationException"},
		throttled: {429, "TooManyRequestsException"}, denied: {403, "AccessDeniedException"},
		expired: {403, "ExpiredTokenException"}, internal: {500, "InternalServerErrorException"},
		malformed: {400, "BadRequestException"},
	},
	"account": {
		missingToken: {403, "MissingAuthenticationTokenException"}, incompleteSignature: {403, "IncompleteSignatureException"},
		unknownKey: {403, "UnrecognizedClientException"}, unknownAction: {400, "UnknownOperationException"},
		throttled: {429, "TooManyRequestsException"}, denied: {403, "AccessDeniedException"},
		expired: {403, "ExpiredTokenException"}, internal: {500, "InternalServerException"}, malformed: {400, "ValidationException"},
	},
	"access-analyzer": {
		missingToken: {403, "MissingAuthenticationTokenException"}, incompleteSignature: {403, "IncompleteSignatureException"},
		unknownKey: {403, "UnrecognizedClientException"}, unknownAction: {400, "UnknownOperationException"},
		throttled: {429, "ThrottlingException"}, denied: {403, "AccessDeniedException"},
		expired: {403, "ExpiredTokenException"}, internal: {500, "InternalServerException"}, malformed: {400, "ValidationException"},
	},
	"cloudtrail": jsonSpelling, "kms": jsonSpelling, "config": jsonSpelling,
	"securityhub": restSpelling,
}

// shared makes one of the common failures as the service would spell it.
func shared(service string, which common, format string, args ...any) *failure {
	s, ok := spellings[service][which]
	if !ok {
		s = querySpelling[which]
	}
	return fail(s.status, s.code, format, args...)
}
