package desk

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSeverityAndAccount(t *testing.T) {
	for data, want := range map[string][2]string{
		`{"severity": 2, "accountId": "111122223333"}`: {"low", "111122223333"},
		`{"severity": 3.9}`:                            {"low", ""},
		`{"severity": 4}`:                              {"medium", ""},
		`{"severity": 6.9}`:                            {"medium", ""},
		`{"severity": 7}`:                              {"high", ""},
		`{"severity": 8.9}`:                            {"high", ""},
		`{"severity": 9}`:                              {"critical", ""},
		`{"severity": 0}`:                              {"", ""},
		`{"Severity": {"Label": "CRITICAL"}, "AwsAccountId": "444455556666"}`: {"critical", "444455556666"},
		`{"Severity": {"Label": "INFORMATIONAL"}}`:                            {"low", ""},
		`{"Severity": {"Label": "<!channel>"}}`:                               {"", ""},
		`{"Severity": "HIGH", "severity": {"Label": "LOW"}}`:                  {"", ""},
		`{"labels": {"severity": "critical"}}`:                                {"critical", ""},
		`{"alert": {"security_advisory": {"severity": "moderate"}}}`:          {"medium", ""},
		`{"alert": {"rule": {"security_severity_level": "high"}}}`:            {"high", ""},
		`{"recipientAccountId": "111122223333"}`:                              {"", "111122223333"},
		`{"account": "1111 2222 33", "accountId": 111122223333}`:              {"", ""},
		`{"account": "٣١٢٣٤٥"}`:                                               {"", ""},
		`[1]`:                                                                 {"", ""},
		`nonsense`:                                                            {"", ""},
		``:                                                                    {"", ""},
	} {
		require.Equal(t, want, [2]string{severity(json.RawMessage(data)), account(json.RawMessage(data))}, data)
	}
}
