package standin

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// reportLife is how long a credential report is good. Within it no new one is made, so what a report
// tells may be as old.
const reportLife = 4 * time.Hour

// credentialReport is the credential report of an account: being made, or what it says.
type credentialReport struct {
	made    time.Time // zero: being made
	content string
}

// generateCredentialReport takes two calls, as the real one takes some: it starts, and then it is
// there.
func generateCredentialReport(c *call) (any, error) {
	r := c.reports[c.caller.Account]
	switch {
	case r == nil || !r.made.IsZero() && c.now.Sub(r.made) >= reportLife:
		c.reports[c.caller.Account] = &credentialReport{}
		return elements{{"State", "STARTED"}, {"Description", "No report exists. Starting a new report generation task"}}, nil
	case r.made.IsZero():
		r.made, r.content = c.now, c.reportContent()
	}
	return elements{{"State", "COMPLETE"}}, nil
}

func getCredentialReport(c *call) (any, error) {
	r := c.reports[c.caller.Account]
	switch {
	case r == nil:
		return nil, fail(http.StatusGone, "ReportNotPresent", "No report is present. Use GenerateCredentialReport to make one")
	case r.made.IsZero():
		return nil, fail(http.StatusNotFound, "ReportInProgress", "The report is being generated")
	case c.now.Sub(r.made) >= reportLife:
		return nil, fail(http.StatusGone, "ReportExpired", "The report has expired. Use GenerateCredentialReport to make another")
	}
	return elements{
		{"Content", base64.StdEncoding.EncodeToString([]byte(r.content))},
		{"ReportFormat", "text/csv"},
		{"GeneratedTime", iamTime(r.made)},
	}, nil
}

// reportColumns are those of the report, in its order:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html
var reportColumns = []string{
	"user", "arn", "user_creation_time",
	"password_enabled", "password_last_used", "password_last_changed", "password_next_rotation", "mfa_active",
	"access_key_1_active", "access_key_1_last_rotated", "access_key_1_last_used_date", "access_key_1_last_used_region", "access_key_1_last_used_service",
	"access_key_2_active", "access_key_2_last_rotated", "access_key_2_last_used_date", "access_key_2_last_used_region", "access_key_2_last_used_service",
	"cert_1_active", "cert_1_last_rotated", "cert_2_active", "cert_2_last_rotated",
}

func (c *call) reportContent() string {
	in, lines := c.account().IAM, []string{strings.Join(reportColumns, ",")}
	lines = append(lines, strings.Join(c.rootRow(), ","))
	for _, name := range sorted(in.Users) {
		lines = append(lines, strings.Join(c.userRow(name, in.Users[name]), ","))
	}
	return strings.Join(lines, "\n")
}

func (c *call) rootRow() []string {
	root := c.account().IAM.Root
	row := []string{"<root_account>", "arn:aws:iam::" + c.caller.Account + ":root", reportTime(&root.Created, "N/A"), "not_supported"}
	row = append(row, reportTime(root.PasswordLastUsed, "no_information"), "not_supported", "not_supported", strconv.FormatBool(root.MFA))
	for i := range 2 {
		var key *AccessKey
		if i < root.AccessKeys {
			key = &AccessKey{Status: active, Created: root.Created, LastUsed: root.KeyLastUsed}
		}
		row = append(row, keyCells(key)...)
	}
	for i := range 2 {
		row = append(row, strconv.FormatBool(i < root.Certificates), "N/A")
	}
	return row
}

func (c *call) userRow(name string, u *User) []string {
	row := []string{name, u.arn(c.caller.Account, name), reportTime(&u.Created, "N/A"), strconv.FormatBool(u.Login != nil)}
	if u.Login == nil {
		row = append(row, "N/A", "N/A", "N/A")
	} else {
		next := "N/A"
		if p := c.account().IAM.Passwords; p != nil && p.MaxAge > 0 {
			due := u.Login.Created.AddDate(0, 0, p.MaxAge)
			next = reportTime(&due, "")
		}
		row = append(row, reportTime(u.Login.LastUsed, "no_information"), reportTime(&u.Login.Created, "N/A"), next)
	}
	row = append(row, strconv.FormatBool(u.HardwareMFA || c.virtualMFA(name)))
	ids := sorted(u.AccessKeys)
	for i := range 2 {
		var key *AccessKey
		if i < len(ids) {
			key = u.AccessKeys[ids[i]]
		}
		row = append(row, keyCells(key)...)
	}
	return append(row, "false", "N/A", "false", "N/A")
}

// virtualMFA reports whether a user, or "root", has a virtual device.
func (c *call) virtualMFA(user string) bool {
	for _, device := range c.account().IAM.VirtualMFA {
		if device.User == user {
			return true
		}
	}
	return false
}

func keyCells(key *AccessKey) []string {
	if key == nil {
		return []string{"false", "N/A", "N/A", "N/A", "N/A"}
	}
	cells := []string{strconv.FormatBool(key.Status == active), reportTime(&key.Created, "N/A")}
	if key.LastUsed == nil {
		return append(cells, "N/A", "N/A", "N/A")
	}
	return append(cells, reportTime(&key.LastUsed.Time, "N/A"), key.LastUsed.Region, key.LastUsed.Service)
}

// reportTime writes a time as the report does, or what stands for none.
func reportTime(t *time.Time, none string) string {
	if t == nil || t.IsZero() {
		return none
	}
	return t.UTC().Format("2006-01-02T15:04:05+00:00")
}
