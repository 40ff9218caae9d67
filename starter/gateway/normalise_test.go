package gateway_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/gateway"
	"github.com/countersign/countersign/workflows/event"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const (
	library = "../../playbooks/events"

	account, member = "111122223333", "444455556666"
	findingID       = "7ab9d1cb6248e05a0e419a79528761cb"
	findingARN      = "arn:aws:guardduty:us-east-1:" + account + ":detector/12abc34d567e8fa901bc2d34e56789f0/finding/" + findingID
)

// events are the files of events in the library, without what describes them.
func events(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(library + "/*.json")
	require.NoError(t, err)
	files = slices.DeleteFunc(files, func(file string) bool { return strings.HasSuffix(file, ".schema.json") })
	require.GreaterOrEqual(t, len(files), 3)
	return files
}

// TestLibrary turns every event of the library into the envelope that playbooks match.
func TestLibrary(t *testing.T) {
	t.Parallel()
	for _, file := range events(t) {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(file)
			require.NoError(t, err)
			got, err := gateway.NormaliseAll(raw)
			require.NoError(t, err)
			var envelope bytes.Buffer
			enc := json.NewEncoder(&envelope)
			enc.SetEscapeHTML(false)
			enc.SetIndent("", "  ")
			for _, e := range got {
				require.True(t, bytes.Contains(raw, e.Data), "data is a part of what was sent, byte for byte")
				requireStable(t, e)
				require.NoError(t, enc.Encode(e))
			}
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				require.NoError(t, os.WriteFile(golden, envelope.Bytes(), 0o600))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(string(want), envelope.String()))
		})
	}
}

// object is the JSON of an object under construction: tests change one member of a good one.
type object map[string]any

func (o object) with(path string, value any) object {
	head, rest, nested := strings.Cut(path, "/")
	changed := object{}
	for k, v := range o {
		changed[k] = v
	}
	switch {
	case nested:
		changed[head] = o[head].(object).with(rest, value)
	case value == nil:
		delete(changed, head)
	default:
		changed[head] = value
	}
	return changed
}

func (o object) json(t testing.TB) []byte {
	raw, err := json.Marshal(o)
	require.NoError(t, err)
	return raw
}

func health() object {
	return object{
		"version": "0", "id": "1f5b2f0e-2c36-4b3d-9d51-9f3e6f0a7c11", "detail-type": "AWS Health Event", "source": "aws.health",
		"account": account, "time": "2026-11-20T09:00:00Z", "region": "us-east-1",
		"resources": []string{"i-0abc123def4567890"}, "detail": object{"service": "EC2"},
	}
}

func finding() object {
	return health().with("detail-type", "GuardDuty Finding").with("source", "aws.guardduty").with("resources", []string{}).with("detail", object{
		"accountId": account, "region": "us-east-1", "id": findingID, "arn": findingARN, "type": "Recon:EC2/Portscan",
	})
}

func cloudEvent() object {
	return object{
		"specversion": "1.0", "id": "42", "source": "https://ci.example.com/builds", "type": "com.example.ci.scan_failed",
		"subject": "image/web:1.4.2", "time": "2026-11-20T10:00:00+01:00", "datacontenttype": "application/json",
		"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		"data":        object{"critical": 3},
	}
}

func TestNormalise(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	memberARN := strings.Replace(findingARN, account, member, 1)
	for name, tc := range map[string]struct {
		in   object
		want event.Event
	}{
		"GuardDuty finding": {
			finding(),
			event.Event{Type: "aws.guardduty.finding", Source: "aws.guardduty/111122223333/us-east-1", Subject: findingARN},
		},
		"a member's finding on the administrator's bus": {
			finding().with("detail/accountId", member).with("detail/arn", memberARN),
			event.Event{Type: "aws.guardduty.finding", Source: "aws.guardduty/111122223333/us-east-1", Subject: memberARN},
		},
		"a member's finding under the administrator's detector": {
			finding().with("detail/accountId", member),
			event.Event{Type: "aws.guardduty.finding", Source: "aws.guardduty/111122223333/us-east-1", Subject: findingARN},
		},
		"another partition": {
			finding().with("region", "us-gov-west-1").with("detail/region", "us-gov-west-1").
				with("detail/arn", strings.NewReplacer("arn:aws:", "arn:aws-us-gov:", "us-east-1", "us-gov-west-1").Replace(findingARN)),
			event.Event{
				Type: "aws.guardduty.finding", Source: "aws.guardduty/111122223333/us-gov-west-1",
				Subject: strings.NewReplacer("arn:aws:", "arn:aws-us-gov:", "us-east-1", "us-gov-west-1").Replace(findingARN),
			},
		},
		"another AWS service": {
			health(),
			event.Event{Type: "aws.health.aws_health_event", Source: "aws.health/111122223333/us-east-1", Subject: "i-0abc123def4567890"},
		},
		"another AWS service that agrees": {
			health().with("detail", object{"accountId": account, "region": "us-east-1"}),
			event.Event{Type: "aws.health.aws_health_event", Source: "aws.health/111122223333/us-east-1", Subject: "i-0abc123def4567890"},
		},
		"several resources": {
			health().with("resources", []string{"a", "b"}),
			event.Event{Type: "aws.health.aws_health_event", Source: "aws.health/111122223333/us-east-1"},
		},
		"a resource that does not print": {
			health().with("resources", []string{"a\u202eb"}),
			event.Event{Type: "aws.health.aws_health_event", Source: "aws.health/111122223333/us-east-1"},
		},
		"an own application": {
			health().with("source", "com.example.Shop").with("detail-type", " Order/Placed v2!").with("detail", object{"accountId": member}),
			event.Event{Type: "com.example.shop.order_placed_v2", Source: "com.example.Shop/111122223333/us-east-1", Subject: "i-0abc123def4567890"},
		},
		"a partner": {
			health().with("source", "aws.partner/example.com/tenant-1").with("detail-type", "Login"),
			event.Event{Type: "aws.partner_example.com_tenant_1.login", Source: "aws.partner/example.com/tenant-1/111122223333/us-east-1", Subject: "i-0abc123def4567890"},
		},
		"an impostor's finding is not one": {
			finding().with("source", "com.example.guardduty"),
			event.Event{Type: "com.example.guardduty.guardduty_finding", Source: "com.example.guardduty/111122223333/us-east-1"},
		},
		"CloudEvents": {
			cloudEvent(),
			event.Event{ID: "42", Type: "com.example.ci.scan_failed", Source: "https://ci.example.com/builds", Subject: "image/web:1.4.2"},
		},
		"CloudEvents with the least": {
			cloudEvent().with("subject", nil).with("datacontenttype", nil).with("traceparent", nil).with("data", []int{1}),
			event.Event{ID: "42", Type: "com.example.ci.scan_failed", Source: "https://ci.example.com/builds"},
		},
		"CloudEvents in a JSON dialect": {
			cloudEvent().with("datacontenttype", "application/vnd.example+json; charset=utf-8"),
			event.Event{ID: "42", Type: "com.example.ci.scan_failed", Source: "https://ci.example.com/builds", Subject: "image/web:1.4.2"},
		},
		"hostile data is kept": {
			cloudEvent().with("data", object{"agent": "\x1b[2J\u202e\x00<!channel>"}),
			event.Event{ID: "42", Type: "com.example.ci.scan_failed", Source: "https://ci.example.com/builds", Subject: "image/web:1.4.2"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tc.want.ID == "" {
				tc.want.ID = "1f5b2f0e-2c36-4b3d-9d51-9f3e6f0a7c11"
			}
			tc.want.Time = at
			data, ok := tc.in["detail"]
			if !ok {
				data = tc.in["data"]
			}
			var err error
			tc.want.Data, err = json.Marshal(data)
			require.NoError(t, err)
			got, err := gateway.Normalise(tc.in.json(t))
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(tc.want, got))
			requireStable(t, got)
		})
	}
}

func TestNormaliseKeepsBytes(t *testing.T) {
	t.Parallel()
	data := `{ "b":1.0,"a" : [1e400, 12345678901234567890],"t":"\u003c\ud800\u0000" }`
	got, err := gateway.Normalise(fmt.Appendf(nil, "\n%s ", `{"specversion":"1.0","id":"1","source":"s","type":"t","time":"2026-11-20T09:00:00.123456789Z","data":`+data+`}`))
	require.NoError(t, err)
	require.Equal(t, data, string(got.Data))
	require.Equal(t, 123456789, got.Time.Nanosecond())
	requireStable(t, got)
}

// nested is valid JSON of so many levels.
func nested(levels int) []byte {
	const event = `{"specversion":"1.0","id":"1","source":"s","type":"t","time":"2026-11-20T09:00:00Z","data":`
	return []byte(event + strings.Repeat("[", levels-1) + strings.Repeat("]", levels-1) + "}")
}

func TestBounds(t *testing.T) {
	t.Parallel()
	_, err := gateway.Normalise(nested(64))
	require.NoError(t, err)
	_, err = gateway.Normalise(nested(65))
	require.ErrorContains(t, err, "nested deeper than 64 levels")

	full := func(size int) []byte {
		frame := cloudEvent().with("data", "").json(t)
		return cloudEvent().with("data", strings.Repeat("x", size-len(frame))).json(t)
	}
	require.Len(t, full(event.MaxSize), event.MaxSize)
	_, err = gateway.Normalise(full(event.MaxSize))
	require.NoError(t, err)
	_, err = gateway.Normalise(full(event.MaxSize + 1))
	require.ErrorContains(t, err, "it is 1048577 bytes; at most 1048576 are taken")

	_, err = gateway.Normalise(cloudEvent().with("id", strings.Repeat("x", 1024)).json(t))
	require.NoError(t, err)
}

func TestNormaliseRefuses(t *testing.T) {
	t.Parallel()
	manyKeys := object{}
	for i := range 500 {
		manyKeys[fmt.Sprintf("key-%03d", i)] = i
	}
	for name, tc := range map[string]struct {
		in   []byte
		want string
	}{
		"nothing":                  {nil, "read event: it is empty"},
		"white space":              {[]byte(" \r\n\t"), "read event: it is empty"},
		"2 MB":                     {make([]byte, 2<<20), "read event: it is 2097152 bytes; at most 1048576 are taken"},
		"depth bomb":               {bytes.Repeat([]byte(`{"a":`), 100_000), "read event: it is nested deeper than 64 levels"},
		"depth bomb of arrays":     {append([]byte(`{"a":`), bytes.Repeat([]byte("["), 1_000_000)...), "read event: it is nested deeper than 64 levels"},
		"array":                    {[]byte(`[{"detail-type":"x"}]`), "read event: it is an array; one JSON object is expected"},
		"string":                   {[]byte(`"x"`), "read event: it is a string; one JSON object is expected"},
		"null":                     {[]byte(`null`), "read event: it is null; one JSON object is expected"},
		"number no float64 holds":  {[]byte(`1e999`), "read event: it is a number; one JSON object is expected"},
		"cut off":                  {[]byte(`{"a":{"b":1}`), "read event: it is not JSON, at byte 12: unexpected end of JSON input"},
		"cut off in a string":      {[]byte(`{"a":"b`), "read event: it is not JSON, at byte 7: unexpected end of JSON input"},
		"not JSON":                 {[]byte(`id=1`), "read event: it is not JSON, at byte 1: invalid character 'i' looking for beginning of value"},
		"comma at the end":         {[]byte(`{"a":1,}`), "read event: it is not JSON, at byte 8: invalid character '}' looking for beginning of object key string"},
		"byte order mark":          {[]byte("\ufeff{}"), `read event: it is not JSON, at byte 1: invalid character 'ï' looking for beginning of value`},
		"raw NUL":                  {[]byte("{\"a\":\"\x00\"}"), `read event: it is not JSON, at byte 7: invalid character '\x00' in string literal`},
		"NUL for white space":      {[]byte("{}\x00"), `read event: it is not JSON, at byte 3: invalid character '\x00' after top-level value`},
		"invalid UTF-8":            {[]byte("{\"a\":\"é\xff\"}"), "read event: it is not valid UTF-8, from byte 8 on"},
		"two objects":              {[]byte(`{"a":1} {"a":1}`), "read event: more JSON follows the object, which ends at byte 7; send one event at a time"},
		"garbage at the end":       {[]byte(`{"a":1} x`), "read event: it is not JSON, at byte 9: invalid character 'x' after top-level value"},
		"bracket at the end":       {[]byte(`{"a":1}}`), "read event: it is not JSON, at byte 8: invalid character '}' after top-level value"},
		"key twice":                {[]byte(`{"id":"1","detail":{},"id":"2"}`), `read event: the key "id" appears twice in the outermost object`},
		"key twice, written apart": {[]byte(`{"id":"1","\u0069d":"2"}`), `read event: the key "id" appears twice in the outermost object`},
		"key twice, deep":          {[]byte(`{"detail":{"resource":{"keys":[{"a":{},"b":[],"a":1}]}}}`), `read event: the key "a" appears twice in the object in …"resource"."keys"[]`},
		"key twice, one deep":      {[]byte(`{"detail":{"id":1,"id":2}}`), `read event: the key "id" appears twice in the object in "detail"`},
		"hostile key twice":        {[]byte(`{"\u001b[2J\u202ea":1,"\u001b[2J\u202ea":1}`), `read event: the key "a" appears twice in the outermost object`},

		"no keys":      {[]byte(`{}`), "read event: unknown shape: looked for an EventBridge event (has detail-type); a CloudEvents 1.0 event in structured JSON (has specversion); a notification of Alertmanager (has alerts and groupKey); a GitHub webhook about an alert (has alert and repository); it has no keys"},
		"other keys":   {[]byte(`{"b":1,"a":{"detail-type":1}}`), `repository); its top-level keys are "a", "b"`},
		"many keys":    {manyKeys.json(t), `"key-009" and 490 more`},
		"hostile keys": {[]byte(`{"\u001b]0;x\u0007\n\u202e":1}`), `its top-level keys are "0;x "`},
		"huge key":     {object{strings.Repeat("k", 100_000): 1}.json(t), `kkk…[+99950]"`},
		"SNS":          {[]byte(`{"Type":"Notification","TopicArn":"arn:aws:sns:us-east-1:111122223333:findings","Message":"{}"}`), "it looks like an SNS notification: turn on raw message delivery"},
		"SQS":          {[]byte(`{"MessageId":"1","ReceiptHandle":"x","Body":"{}"}`), "it looks like an SQS message"},
		"records":      {[]byte(`{"Records":[]}`), "a batch of records"},
		"both shapes":  {health().with("specversion", "1.0").json(t), "read event: it has both a detail-type, as EventBridge events have, and a specversion"},
		"other case":   {[]byte(`{"Detail-Type":"AWS Health Event"}`), `its top-level keys are "Detail-Type"`},

		"no id":                  {health().with("id", nil).json(t), "read event: EventBridge event: id is missing"},
		"null id":                {[]byte(`{"detail-type":"x","id":null}`), "id is missing"},
		"empty id":               {health().with("id", "").json(t), "id is empty"},
		"wrong type of id":       {health().with("id", 7).json(t), "id is a number; a string is expected"},
		"id with a line break":   {health().with("id", "1\n2").json(t), "id holds U+000A, which does not print"},
		"id with NUL":            {health().with("id", "1\x00").json(t), "id holds U+0000, which does not print"},
		"id with half a pair":    {bytes.Replace(health().json(t), []byte(`"1f5b`), []byte(`"\ud800`), 1), "id holds U+FFFD, which does not print"},
		"id of zero width":       {health().with("id", "a\u200bb").json(t), "id holds U+200B, which does not print"},
		"huge id":                {health().with("id", strings.Repeat("x", 1025)).json(t), "id is 1025 bytes long; at most 1024 are taken"},
		"no version":             {health().with("version", nil).json(t), "version is missing"},
		"other version":          {health().with("version", "1").json(t), `version is "1"; "0" is expected`},
		"no source":              {health().with("source", nil).json(t), "source is missing"},
		"no time":                {health().with("time", nil).json(t), "time is missing"},
		"empty time":             {health().with("time", "").json(t), "time is empty"},
		"time as a number":       {health().with("time", 1795165500).json(t), "time is a number; a string is expected"},
		"other time":             {health().with("time", "20 Nov 2026").json(t), `time is "20 Nov 2026"; an RFC 3339 time like 2026-11-20T09:25:04Z is expected`},
		"lenient time":           {health().with("time", "2026-11-20T9:00:00Z").json(t), "an RFC 3339 time"},
		"lenient fraction":       {health().with("time", "2026-11-20T09:00:00,5Z").json(t), "an RFC 3339 time"},
		"lenient offset":         {health().with("time", "2026-11-20T09:00:00+24:00").json(t), "an RFC 3339 time"},
		"time before the years":  {health().with("time", "0001-01-01T00:00:00+23:00").json(t), "a year from 1 to 9999 is expected"},
		"time after the years":   {health().with("time", "9999-12-31T23:59:59-01:00").json(t), "a year from 1 to 9999 is expected"},
		"zero time":              {health().with("time", "0001-01-01T00:00:00Z").json(t), "a year from 1 to 9999 is expected"},
		"no detail":              {health().with("detail", nil).json(t), "detail is missing"},
		"detail as a string":     {health().with("detail", "{}").json(t), "detail is a string; an object is expected"},
		"detail-type as a list":  {health().with("detail-type", []string{"x"}).json(t), "detail-type is an array; a string is expected"},
		"other account":          {health().with("account", "prod").json(t), `account is "prod"; 12 digits are expected`},
		"account in other digit": {health().with("account", "١١١١٢٢٢٢٣٣٣٣").json(t), "12 digits are expected"},
		"other region":           {health().with("region", "us-east-1/x").json(t), `region is "us-east-1/x"; one like "us-east-1" is expected`},
		"all at once":            {[]byte(`{"detail-type":"x","version":"0","time":1}`), "EventBridge event: source is missing; account is missing; region is missing; id is missing; time is a number; a string is expected; detail is missing"},

		"no name in the detail-type":     {health().with("detail-type", "東京").json(t), "both need a letter or digit"},
		"source almost AWS's":            {health().with("source", "AWS.health").json(t), "the type aws.health.aws_health_event, which is reserved"},
		"source almost AWS's, by space":  {health().with("source", " aws.health").json(t), "which is reserved"},
		"source that is only aws":        {health().with("source", "aws").json(t), "which is reserved"},
		"detail-type makes a finding":    {health().with("source", "aws.guardduty").with("detail-type", "Finding").json(t), "the type aws.guardduty.finding, which is reserved"},
		"source makes a finding":         {health().with("source", "aws..guardduty").with("detail-type", "Finding").json(t), "which is reserved"},
		"long type":                      {health().with("source", strings.Repeat("s", 800)).with("detail-type", strings.Repeat("d", 800)).json(t), "the type made of it is 1601 bytes long"},
		"long source":                    {health().with("source", strings.Repeat("s", 1024)).json(t), "the source made of it is 1047 bytes long"},
		"another account's":              {health().with("detail", object{"accountId": member}).json(t), `read event: EventBridge event from "aws.health/111122223333/us-east-1": detail: accountId is "444455556666", and the event comes from account 111122223333`},
		"another region's":               {health().with("detail", object{"region": "eu-west-1"}).json(t), `region is "eu-west-1", and the event comes from us-east-1`},
		"account as a number":            {health().with("detail", object{"accountId": 111122223333}).json(t), "accountId is a number; a string is expected"},
		"finding of another region":      {finding().with("detail/region", "eu-west-1").json(t), `region is "eu-west-1", and the event comes from us-east-1`},
		"finding without an account":     {finding().with("detail/accountId", nil).json(t), "detail: accountId is missing"},
		"finding without an ARN":         {finding().with("detail/arn", nil).json(t), "detail: arn is missing"},
		"finding without an id":          {finding().with("detail/id", nil).json(t), "detail: id is missing"},
		"finding without a type":         {finding().with("detail/type", nil).json(t), "detail: type is missing"},
		"finding of no type":             {finding().with("detail/type", "x").json(t), `type is "x"; a finding type like`},
		"finding of no account":          {finding().with("detail/accountId", "x").json(t), `accountId is "x"; 12 digits are expected`},
		"finding with SDK names":         {finding().with("detail", object{"AccountId": account, "Arn": findingARN, "Id": findingID}).json(t), "detail: accountId is missing; region is missing; id is missing; type is missing; arn is missing"},
		"ARN of something else":          {finding().with("detail/arn", "arn:aws:iam::111122223333:user/x").json(t), "the ARN of the GuardDuty finding"},
		"ARN of another finding":         {finding().with("detail/id", "0").json(t), `the ARN of the GuardDuty finding "0" is expected`},
		"ARN of a third account":         {finding().with("detail/arn", strings.Replace(findingARN, account, "777788889999", 1)).json(t), "one in region us-east-1 and account 111122223333 or 111122223333 is expected"},
		"ARN of another region":          {finding().with("detail/arn", strings.Replace(findingARN, "us-east-1", "eu-west-1", 1)).json(t), "one in region us-east-1"},
		"hostile ARN":                    {finding().with("detail/arn", "\x1b[2J").json(t), "arn holds U+001B, which does not print"},
		"CloudEvents, other version":     {cloudEvent().with("specversion", "0.3").json(t), `read event: CloudEvents event: specversion is "0.3"; "1.0" is expected`},
		"CloudEvents, version as number": {cloudEvent().with("specversion", 1.0).json(t), "specversion is a number; a string is expected"},
		"CloudEvents, no id":             {cloudEvent().with("id", nil).json(t), "id is missing"},
		"CloudEvents, no source":         {cloudEvent().with("source", nil).json(t), "source is missing"},
		"CloudEvents, no type":           {cloudEvent().with("type", nil).json(t), "type is missing"},
		"CloudEvents, empty subject":     {cloudEvent().with("subject", "").json(t), "subject is empty"},
		"CloudEvents, no time":           {cloudEvent().with("time", nil).json(t), "time is missing; CloudEvents can do without it, but a run needs to know when the event happened"},
		"CloudEvents, no data":           {cloudEvent().with("data", nil).json(t), "data is missing; send {} for an event that has none"},
		"CloudEvents, binary":            {cloudEvent().with("data", nil).with("data_base64", "e30=").json(t), "data_base64 is not read, since playbooks read JSON; send the JSON itself as data"},
		"CloudEvents, both":              {cloudEvent().with("data_base64", "e30=").json(t), "data_base64 is not read"},
		"CloudEvents, XML":               {cloudEvent().with("datacontenttype", "application/xml").json(t), `datacontenttype is "application/xml"; JSON is expected`},
		"CloudEvents, other case":        {cloudEvent().with("Time", "x").json(t), `"Time" is not an attribute name: those have lower-case letters and digits`},
		"CloudEvents, AWS's type":        {cloudEvent().with("type", "aws.guardduty.finding").json(t), `type "aws.guardduty.finding" needs a source like "aws.<service>/<account>/<region>", and has "https://ci.example.com/builds"`},
		"CloudEvents, AWS's source":      {cloudEvent().with("source", "aws.health/111122223333/us-east-1").json(t), "are for what AWS services send"},
		"CloudEvents, AWS without data":  {cloudEvent().with("type", "aws.health.x").with("source", "aws.health/111122223333/us-east-1").with("data", 1).json(t), "detail: it is a number; an object is expected"},
		"CloudEvents, contradiction":     {cloudEvent().with("type", "aws.guardduty.finding").with("source", "aws.guardduty/111122223333/eu-west-1").with("data", finding()["detail"]).json(t), `region is "us-east-1", and the event comes from eu-west-1`},
		"CloudEvents, other subject":     {cloudEvent().with("type", "aws.guardduty.finding").with("source", "aws.guardduty/111122223333/us-east-1").with("data", finding()["detail"]).json(t), `subject is "image/web:1.4.2"; "arn:aws:guardduty:us-east-1:111122223333:detector/12a`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := gateway.Normalise(tc.in)
			require.ErrorContains(t, err, tc.want)
			requirePrintable(t, err)
			require.Empty(t, got)
		})
	}
}

// requirePrintable checks that an error can go to a log or a terminal, whatever the event held.
func requirePrintable(t *testing.T, err error) {
	t.Helper()
	text := err.Error()
	require.LessOrEqual(t, utf8.RuneCountInString(text), 1000)
	for _, r := range text {
		require.True(t, unicode.IsGraphic(r), "%q in %q", r, text)
	}
}

// asCloudEvent writes an event in the structured JSON form of CloudEvents 1.0.
func asCloudEvent(t *testing.T, e event.Event) []byte {
	t.Helper()
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	require.NoError(t, enc.Encode(struct {
		SpecVersion     string `json:"specversion"`
		DataContentType string `json:"datacontenttype"`
		event.Event
	}{"1.0", "application/json", e}))
	return out.Bytes()
}

// requireStable checks that an event is valid and that its CloudEvents form is the same event.
func requireStable(t *testing.T, e event.Event) {
	t.Helper()
	require.NoError(t, e.Validate())
	form := asCloudEvent(t, e)
	if len(form) > event.MaxSize {
		return
	}
	again, err := gateway.Normalise(form)
	require.NoError(t, err, "%s", form)
	var compact bytes.Buffer // writing JSON leaves out white space
	require.NoError(t, json.Compact(&compact, e.Data))
	e.Data = compact.Bytes()
	require.Empty(t, cmp.Diff(e, again))
}

// FuzzNormalise looks for a panic, an event that is not valid or not stable, and an error that
// carries hostile text. Seeds and past failures are in testdata/fuzz.
func FuzzNormalise(f *testing.F) {
	for _, file := range events(f) {
		raw, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		events, err := gateway.NormaliseAll(raw)
		if err != nil {
			requirePrintable(t, err)
			require.Empty(t, events)
			return
		}
		require.NotEmpty(t, events)
		for _, e := range events {
			requireStable(t, e)
		}
	})
}
