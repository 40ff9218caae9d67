package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/starter/cli"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/server"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

func TestOperate(t *testing.T) {
	t.Parallel()
	input := filepath.Join(t.TempDir(), "input.json")
	require.NoError(t, os.WriteFile(input, []byte(`{"user":"x"}`), 0o600))
	text := filepath.Join(t.TempDir(), "input.txt")
	require.NoError(t, os.WriteFile(text, []byte(`user x`), 0o600))
	for name, tc := range map[string]struct {
		args []string
		code int
		out  string
		talk string
		said string
	}{
		"delegate":        {[]string{"delegate", keyRun, "--as", "alice", "--to", "bob"}, 0, "delegated  contain of " + keyRun + ": bob votes for alice\n", "Approval needed", "delegate " + keyRun + " contain to bob"},
		"delegate json":   {[]string{"delegate", keyRun, "-o", "json", "--as", "alice", "--to", "bob"}, 0, `"to": "bob"`, "", "delegate " + keyRun + " contain to bob"},
		"to nobody":       {[]string{"delegate", keyRun, "--as", "alice"}, 2, "", "want --to PERSON", ""},
		"by nobody":       {[]string{"delegate", keyRun, "--to", "bob"}, 2, "", "want --as PERSON", ""},
		"another digest":  {[]string{"delegate", keyRun, "--as", "alice", "--to", "bob", "--digest", "00000000"}, 1, "", "nothing was answered", ""},
		"edit":            {[]string{"edit", keyRun, "--as", "alice", "--step", "disable", "--input", input}, 0, "it is a1b2c3d4e5f6 now", "", "edit " + keyRun + ` disable {"user":"x"}`},
		"edit with text":  {[]string{"edit", keyRun, "--as", "alice", "--step", "disable", "--input", text}, 1, "", "is no JSON", ""},
		"edit what":       {[]string{"edit", keyRun, "--as", "alice"}, 2, "", "want --step STEP", ""},
		"keep":            {[]string{"keep", keyRun, "isolate", "--as", "alice", "--reason", "hostile"}, 0, "kept  isolate of " + keyRun, "", "keep " + keyRun + " isolate: hostile"},
		"keep why":        {[]string{"keep", keyRun, "--as", "alice"}, 2, "", "want --reason WHY", ""},
		"undo":            {[]string{"undo", keyRun, "--as", "alice", "--reason", "a drill"}, 0, "started undo-" + keyRun, "follow it: starter show undo-", "undo " + keyRun + ": a drill"},
		"undo why":        {[]string{"undo", keyRun, "--as", "alice"}, 2, "", "want --reason WHY", ""},
		"halt":            {[]string{"halt", "--as", "alice", "--reason", "odd"}, 0, "halted  by alice", "", "halt: odd"},
		"resume":          {[]string{"resume", "--as", "alice", "--reason", "well"}, 0, "effects go on  by alice", "", "resume: well"},
		"halt why":        {[]string{"halt", "--as", "alice"}, 2, "", "want --reason WHY", ""},
		"halt by nobody":  {[]string{"halt", "--reason", "odd"}, 2, "", "want --as PERSON", ""},
		"halt as JSON":    {[]string{"halt", "--as", "alice", "--reason", "odd", "-o", "json"}, 0, `"halted": true`, "", "halt: odd"},
		"undo in JSON":    {[]string{"undo", keyRun, "--as", "alice", "--reason", "x", "-o", "json"}, 0, `"run": "undo-`, "", "undo " + keyRun + ": x"},
		"reviews":         {[]string{"reviews", "--as", "alice"}, 0, "a1b2  contain of " + keyRun + ", by zoe alone: ci", "", ""},
		"close a review":  {[]string{"reviews", "close", "a1b2", "--as", "alice", "--reason", "right"}, 0, "closed  a1b2", "", "close a1b2: right"},
		"close it why":    {[]string{"reviews", "close", "a1b2", "--as", "alice"}, 2, "", "want --reason WHY", ""},
		"serve lacks":     {[]string{"serve"}, 2, "", "want --key FILE and --directory FILE", ""},
		"serve half TLS":  {[]string{"serve", "--key", "k", "--directory", "d", "--tls-key", "x"}, 2, "", "go together", ""},
		"serve no key":    {[]string{"serve", "--key", "none.pem", "--directory", "d"}, 1, "", "read the private key", ""},
		"token lacks":     {[]string{"token", "issue", "--person", "alice"}, 2, "", "want --person ID, --key FILE", ""},
		"revoke no where": {[]string{"token", "revoke", "x"}, 2, "", "which ledger?", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fake{statuses: map[string][]*workflows.Status{keyRun: {waiting(keyRun)}}}
			f.starter(t, tc.args...).require(t, tc.code, tc.out, tc.talk)
			if tc.said == "" {
				require.Empty(t, f.said)
			} else {
				require.Equal(t, []string{tc.said}, f.said)
			}
		})
	}
}

// What the gateway says no to has its exit code and a hint.
func TestGatewayErrors(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		err  error
		code int
		talk string
	}{
		{fmt.Errorf("x: %w", server.ErrUnauthorized), 1, "give the file of your token with --token-file"},
		{fmt.Errorf("x: %w", desk.ErrForbidden), 1, "not allowed"},
		{fmt.Errorf("x: %w", server.ErrUnreachable), 3, "name another with --gateway"},
	} {
		f := &fake{statuses: map[string][]*workflows.Status{keyRun: {waiting(keyRun)}}, fails: map[string]error{"vote": tc.err, "start": tc.err, "cancel": tc.err}}
		f.starter(t, "approve", keyRun, "--as", "alice").require(t, tc.code, "", tc.talk)
		f.starter(t, "run", "--event", keyEvent).require(t, tc.code, "", tc.talk)
		f.starter(t, "cancel", keyRun).require(t, tc.code, "", tc.talk)
	}
}

// A token goes to the gateway that is named, if nobody else can read it on the way.
func TestWhichGateway(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pem, err := grant.NewKey(true)
	require.NoError(t, err)
	signer, err := grant.ParseSigner(pem, true)
	require.NoError(t, err)
	text, err := signer.Token(grant.NewToken("alice", grant.LocalGateway, time.Now(), time.Hour))
	require.NoError(t, err)
	file, broken := filepath.Join(dir, "token"), filepath.Join(dir, "broken")
	require.NoError(t, os.WriteFile(file, []byte(text+"\n"), 0o600))
	require.NoError(t, os.WriteFile(broken, []byte("cst_x"), 0o600))
	local := filepath.Join(dir, "gateway.json")
	require.NoError(t, server.WriteLocal(local, server.Local{URL: "http://127.0.0.1:1", Person: "alice", Tokens: map[string]string{"alice": "token"}}))
	for name, tc := range map[string]struct {
		args []string
		env  string
		code int
		talk string
	}{
		"none":              {[]string{"--as", "alice"}, "", 1, "which gateway? there is no local one here"},
		"a local one":       {[]string{"--as", "alice", "--gateway", local}, "", 3, "the gateway does not answer at http://127.0.0.1:1"},
		"nobody there":      {[]string{"--as", "mallory", "--gateway", local}, "", 1, `has no token for "mallory"`},
		"by environment":    {[]string{"--as", "alice"}, "COUNTERSIGN_GATEWAY=" + local, 3, "does not answer"},
		"no such file":      {[]string{"--as", "alice", "--gateway", "none.json"}, "", 1, "none.json"},
		"no scheme":         {[]string{"--token-file", file, "--gateway", "127.0.0.1:1"}, "", 1, "open 127.0.0.1:1: no such file or directory\n  a gateway is named by its URL, with https://"},
		"a URL":             {[]string{"--token-file", file, "--gateway", "http://127.0.0.1:1"}, "", 3, "does not answer"},
		"without a token":   {[]string{"--as", "alice", "--gateway", "http://127.0.0.1:1"}, "", 1, "the gateway wants a token"},
		"another's token":   {[]string{"--as", "bob", "--token-file", file, "--gateway", "http://127.0.0.1:1"}, "", 1, "the token is that of alice"},
		"a broken token":    {[]string{"--token-file", broken, "--gateway", "http://127.0.0.1:1"}, "", 1, "the token is not valid"},
		"no token there":    {[]string{"--token-file", "none", "--gateway", "http://127.0.0.1:1"}, "", 1, "read the token"},
		"where others read": {[]string{"--token-file", file, "--gateway", "http://gateway.example.com"}, "", 1, "by https alone"},
		"another scheme":    {[]string{"--token-file", file, "--gateway", "ftp://127.0.0.1"}, "", 1, "by https alone"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, talk strings.Builder
			code := cli.Command{Streams: cli.Streams{Out: &out, Err: &talk, Env: []string{"TEMPORAL_CONFIG_FILE=none", tc.env}}}.
				Run(t.Context(), append([]string{"halt", "--reason", "x"}, tc.args...))
			require.Equal(t, tc.code, code, talk.String())
			require.Contains(t, talk.String(), tc.talk)
			require.NotContains(t, talk.String(), text)
		})
	}
}

// What is wrong with a review is shown where reviews are.
func TestReviewThatIsNotClosed(t *testing.T) {
	t.Parallel()
	f := &fake{fails: map[string]error{"close a1b2": fmt.Errorf("%w: no review is open", approval.ErrRefused)}}
	f.starter(t, "reviews", "close", "a1b2", "--as", "bob", "--reason", "right").require(t, 1, "", "see what is open: starter reviews\n")
}

// A token is a secret: its file is its owner's alone, and takes the place of none that is there.
func TestTokenFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	require.NoError(t, os.WriteFile(at("people.yaml"), []byte("people:\n  alice: {name: Alice Ames}\ngroups:\n  leads: [alice]\n"), 0o600))
	(&fake{}).starter(t, "keys", "new", at("grant.pem")).require(t, 0, "", "")
	issue := func(more ...string) result {
		return (&fake{}).starter(t, append([]string{"token", "issue", "--person", "alice", "--key", at("grant.pem"), "--directory", at("people.yaml"), "--ledger", at("ledger.db"), "--to", at("alice.token")}, more...)...)
	}
	issue("--expires", "1000h").require(t, 1, "", "at most 720h0m0s")
	require.NoFileExists(t, at("alice.token"))

	r := issue()
	r.require(t, 0, "", "of alice, until ")
	require.Empty(t, r.out)
	text, err := server.ReadToken(at("alice.token"))
	require.NoError(t, err)
	_, err = grant.Peek(text)
	require.NoError(t, err)
	info, err := os.Stat(at("alice.token"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	issue().require(t, 1, "", "is there already")
	again, err := server.ReadToken(at("alice.token"))
	require.NoError(t, err)
	require.Equal(t, text, again)
}
