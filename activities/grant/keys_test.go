package grant_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/grant"
)

func write(t *testing.T, mode os.FileMode, parts ...[]byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key.pem")
	var all []byte
	for _, part := range parts {
		all = append(all, part...)
	}
	require.NoError(t, os.WriteFile(file, all, 0o600))
	require.NoError(t, os.Chmod(file, mode))
	return file
}

// pair makes a key and returns its signer and the public half.
func pair(t *testing.T, dev bool) (grant.Signer, []byte) {
	t.Helper()
	private, err := grant.NewKey(dev)
	require.NoError(t, err)
	s, err := grant.LoadSigner(write(t, 0o600, private), dev)
	require.NoError(t, err)
	public, err := s.Public()
	require.NoError(t, err)
	return s, public
}

func TestKeyFiles(t *testing.T) {
	old, oldPublic := pair(t, false)
	next, nextPublic := pair(t, false)
	both, err := grant.LoadKeys(write(t, 0o644, []byte("# the old one\n"), oldPublic, []byte("# the next one\n"), nextPublic), false)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{old.ID(), next.ID()}, both.IDs())
	for _, s := range []grant.Signer{old, next} {
		signed, err := s.Sign(grant.KindTicket, grant.Ticket{Run: "r"})
		require.NoError(t, err)
		var ticket grant.Ticket
		require.NoError(t, both.Open(&signed, grant.KindTicket, &ticket))
	}
	one, err := grant.LoadKeys(write(t, 0o644, nextPublic), false)
	require.NoError(t, err)
	signed, err := old.Sign(grant.KindTicket, grant.Ticket{Run: "r"})
	require.NoError(t, err)
	require.ErrorIs(t, one.Open(&signed, grant.KindTicket, &grant.Ticket{}), grant.ErrForged, "rotated out")
}

func TestKeyFilesRefused(t *testing.T) {
	private, err := grant.NewKey(false)
	require.NoError(t, err)
	dev, err := grant.NewKey(true)
	require.NoError(t, err)
	_, devPublic := pair(t, true)
	_, public := pair(t, false)
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(ec)
	require.NoError(t, err)
	ecPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	for name, tc := range map[string]struct {
		file string
		says string
	}{
		"nothing":   {write(t, 0o600), "no PEM block"},
		"two":       {write(t, 0o600, private, dev), "Use: dev"},
		"two alike": {write(t, 0o600, private, private), "it has 2 keys; want one"},
		"dev":       {write(t, 0o600, dev), "Use: dev"},
		"public":    {write(t, 0o600, public), `it has a "PUBLIC KEY"`},
		"other":     {write(t, 0o600, ecPEM), "want an Ed25519 key"},
		"garbage":   {write(t, 0o600, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})), "no PKCS#8 key"},
		"absent":    {filepath.Join(t.TempDir(), "none"), "no such file"},
		"folder":    {t.TempDir(), "is no file"},
		"large":     {write(t, 0o600, make([]byte, 65<<10)), "at most"},
	} {
		_, err := grant.LoadSigner(tc.file, false)
		require.ErrorContains(t, err, tc.says, name)
	}
	if runtime.GOOS != "windows" {
		for _, mode := range []os.FileMode{0o640, 0o604, 0o620} {
			_, err := grant.LoadSigner(write(t, mode, private), false)
			require.ErrorContains(t, err, "chmod 600", mode)
		}
	}
	_, err = grant.LoadKeys(write(t, 0o644, private), false)
	require.ErrorContains(t, err, "it has a private key")
	_, err = grant.LoadKeys(write(t, 0o644, public, devPublic), false)
	require.ErrorContains(t, err, "not trusted here")
	_, err = grant.LoadKeys(write(t, 0o644, public, devPublic), true)
	require.NoError(t, err)
}
