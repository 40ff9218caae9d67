package aws

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

func TestBlockConsole(t *testing.T) {
	w := newWorld(t)
	out := w.run(t, "aws.iam.block_console", consoleInput)
	require.JSONEq(t, `{"had_console":true,"created":"2026-02-02T10:05:00Z","must_reset":false,"changed":true,"verified":true}`, string(out))
	state := w.State()
	require.Nil(t, console(&state).Login)

	// A user without a password has none after the undo either.
	out = w.run(t, "aws.iam.block_console", userInput)
	require.JSONEq(t, `{"had_console":false,"must_reset":false,"changed":false,"verified":true}`, string(out))
	undo, input := w.undo(t, "aws.iam.block_console", userInput, out)
	require.JSONEq(t, `{"had_console":false,"must_reset":false,"changed":false,"verified":true}`, string(w.run(t, undo, input)))
	require.Equal(t, []string{"DeleteLoginProfile"}, w.effects())
}

// Nothing of second factors is touched.
func TestBlockConsoleLeavesMFA(t *testing.T) {
	w := newWorld(t)
	w.Update(func(s *standin.State) {
		console(s).HardwareMFA = true
		s.Accounts[standin.SampleAccount].IAM.VirtualMFA = map[string]*standin.VirtualMFA{"arn:aws:iam::111122223333:mfa/billing": {User: standin.SampleConsoleUser}}
	})
	before := w.State().Accounts[standin.SampleAccount].IAM
	w.run(t, "aws.iam.block_console", consoleInput)
	after := w.State().Accounts[standin.SampleAccount].IAM
	require.Equal(t, before.VirtualMFA, after.VirtualMFA)
	require.True(t, after.Users[standin.SampleConsoleUser].HardwareMFA)
}

// What somebody has set since is not replaced.
func TestRestoreConsoleKeepsANewPassword(t *testing.T) {
	w := newWorld(t)
	out := w.run(t, "aws.iam.block_console", consoleInput)
	undo, input := w.undo(t, "aws.iam.block_console", consoleInput, out)
	w.Update(func(s *standin.State) { console(s).Login = &standin.LoginProfile{Created: now} })
	require.JSONEq(t, `{"had_console":true,"created":"2026-11-23T10:00:05Z","must_reset":false,"changed":false,"verified":true}`, string(w.run(t, undo, input)))
	require.Equal(t, []string{"DeleteLoginProfile"}, w.effects())
}

// The password goes to IAM, is another each time, meets every policy, and is nowhere else.
func TestRestoreConsolePassword(t *testing.T) {
	w := newWorld(t)
	var passwords []string
	web := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if form, err := url.ParseQuery(string(body)); err == nil && form.Get("Password") != "" {
			passwords = append(passwords, form.Get("Password"))
			if form.Get("PasswordResetRequired") != "true" {
				t.Error("the password need not be changed")
			}
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		w.ServeHTTP(rw, r)
	}))
	t.Cleanup(web.Close)
	w.options.Endpoint = web.URL
	s := newService(w.options)
	w.Update(func(s *standin.State) {
		s.Accounts[standin.SampleAccount].IAM.Passwords = &standin.PasswordPolicy{Length: 128, Symbols: true, Numbers: true, Upper: true, Lower: true}
	})
	var outputs string
	for range 2 {
		for name, call := range map[string]func() (consoleOutput, error){
			"block": func() (consoleOutput, error) {
				return s.blockConsole(step(t.Context()), blockConsoleInput{Account: standin.SampleAccount, User: standin.SampleConsoleUser})
			},
		} {
			_, err := call()
			require.NoError(t, err, name)
		}
		ctx := step(t.Context())
		out, err := s.restoreConsole(ctx, restoreConsoleInput{Account: standin.SampleAccount, User: standin.SampleConsoleUser, HadConsole: true})
		require.NoError(t, err)
		outputs += out.Created.String()
	}
	require.Len(t, passwords, 2)
	require.NotEqual(t, passwords[0], passwords[1])
	for _, p := range passwords {
		require.Len(t, p, 128)
		for _, class := range []string{"[a-z]", "[A-Z]", "[0-9]", "[!?]"} {
			require.Regexp(t, class, p)
		}
		require.NotContains(t, outputs, p)
		for _, m := range w.Mutations() {
			require.NotContains(t, m.Parameters, p)
		}
	}
}

// A password that the account's policy refuses is nothing to try again.
func TestPasswordPolicyViolationIsPermanent(t *testing.T) {
	w := newWorld(t)
	out := w.run(t, "aws.iam.block_console", consoleInput)
	undo, input := w.undo(t, "aws.iam.block_console", consoleInput, out)
	w.Update(func(s *standin.State) {
		s.Accounts[standin.SampleAccount].IAM.Passwords = &standin.PasswordPolicy{Length: 129} // no real policy
	})
	_, err := w.attempt(step(t.Context()), t, undo, input)
	require.Equal(t, "PasswordPolicyViolation", kindOf(t, err).Kind)
	require.True(t, kindOf(t, err).Permanent)
}
