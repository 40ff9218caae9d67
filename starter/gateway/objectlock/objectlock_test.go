package objectlock_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/activities/ledger/ledgertest"
	"github.com/countersign/countersign/starter/gateway/objectlock"
)

var signer = grant.NewSigner(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize)))

// bucket stands in for S3: it takes what has a lock and a checksum that fits, and reads the request
// by itself.
type bucket struct {
	mu      sync.Mutex
	locks   bool
	objects map[string]string
	retain  map[string]string // name to mode and date
	owners  []string
}

func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	refuse := func(code, message string) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", code, message)
	}
	body, err := io.ReadAll(r.Body)
	sum := sha256.Sum256(body)
	mode, until := r.Header.Get("x-amz-object-lock-mode"), r.Header.Get("x-amz-object-lock-retain-until-date")
	switch {
	case r.Method != http.MethodPut || err != nil:
		refuse("MethodNotAllowed", "only PUT")
	case r.Header.Get("x-amz-checksum-sha256") != base64.StdEncoding.EncodeToString(sum[:]):
		refuse("BadDigest", "the checksum does not fit")
	case mode == "" || until == "":
		refuse("AccessDenied", "no lock")
	case !b.locks:
		refuse("InvalidRequest", "Bucket is missing Object Lock Configuration")
	default:
		b.objects[r.URL.Path], b.retain[r.URL.Path] = string(body), mode+" "+until
		b.owners = append(b.owners, r.Header.Get("x-amz-expected-bucket-owner"))
	}
}

func open(t *testing.T, b *bucket, address string) *objectlock.Locker {
	t.Helper()
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	where, err := objectlock.Parse(address)
	require.NoError(t, err)
	return objectlock.New(where, s3.New(s3.Options{
		Region: "eu-west-1", BaseEndpoint: sdk.String(server.URL), UsePathStyle: true, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "secret", ""),
	}))
}

func TestCheckpointsAreLocked(t *testing.T) {
	b := &bucket{locks: true, objects: map[string]string{}, retain: map[string]string{}}
	place := open(t, b, "s3://example-checkpoints/ledger?days=30&owner=123456789012")
	require.Equal(t, "s3://example-checkpoints/ledger/", place.Name())

	at := time.Date(2026, 3, 14, 9, 26, 53, 589793000, time.UTC)
	l := ledgertest.Open(t, ledger.WithClock(func() time.Time { return at }))
	c := ledger.Checkpointer{Ledger: l, Signer: signer, Places: []ledger.Place{place}}
	var names []string
	for range 2 {
		require.NoError(t, l.Do(t.Context(), func(tx ledger.Tx) error {
			_, err := tx.Append(ledger.Entry{Kind: ledger.Switch, Body: ledger.SwitchBody{}})
			return err
		}))
		last, err := c.Sign(t.Context())
		require.NoError(t, err)
		names = append(names, fmt.Sprintf("/example-checkpoints/ledger/%020d-%s.json", last.Seq, last.Hash.Short()))
	}
	require.Equal(t, map[string]string{names[0]: "COMPLIANCE 2026-04-13T09:26:53Z", names[1]: "COMPLIANCE 2026-04-13T09:26:53Z"}, b.retain)
	require.Equal(t, []string{"123456789012", "123456789012"}, b.owners)

	// Put together, the objects are a file of checkpoints.
	file := b.objects[names[0]] + b.objects[names[1]]
	sealings, err := ledger.ReadCheckpoints(strings.NewReader(file), signer.Keys())
	require.NoError(t, err)
	var export bytes.Buffer
	_, err = l.Export(t.Context(), &export)
	require.NoError(t, err)
	report, err := ledger.Verify(&export, ledger.Over(sealings))
	require.NoError(t, err)
	require.EqualValues(t, 2, report.Sealed)
}

func TestABucketWithoutLocks(t *testing.T) {
	b := &bucket{objects: map[string]string{}, retain: map[string]string{}}
	err := open(t, b, "s3://example-checkpoints").Keep(t.Context(), ledger.Sealing{Checkpoint: ledger.Checkpoint{Seq: 1, At: time.Now()}})
	require.ErrorContains(t, err, "has the bucket Object Lock? It is turned on when a bucket is made")
	require.Empty(t, b.objects)
}

func TestPlaces(t *testing.T) {
	t.Setenv("AWS_REGION", "eu-west-1")
	file := filepath.Join(t.TempDir(), "checkpoints.jsonl")
	places, last, err := objectlock.Places(t.Context(), []string{file, "s3://example-checkpoints/ledger"}, signer.Keys())
	require.NoError(t, err)
	require.Zero(t, last)
	require.Equal(t, file, places[0].Name())
	require.Equal(t, "s3://example-checkpoints/ledger/", places[1].Name())

	l := ledgertest.Open(t)
	require.NoError(t, l.Do(t.Context(), func(tx ledger.Tx) error {
		_, err := tx.Append(ledger.Entry{Kind: ledger.Switch, Body: ledger.SwitchBody{}})
		return err
	}))
	kept, err := (&ledger.Checkpointer{Ledger: l, Signer: signer, Places: places[:1]}).Sign(t.Context())
	require.NoError(t, err)
	_, last, err = objectlock.Places(t.Context(), []string{"s3://example-checkpoints", file}, signer.Keys())
	require.NoError(t, err)
	require.Equal(t, kept, last, "where to go on")

	_, _, err = objectlock.Places(t.Context(), []string{"s3://"}, signer.Keys())
	require.ErrorContains(t, err, "it names no bucket")
	_, _, err = objectlock.Places(t.Context(), []string{filepath.Join(file, "no")}, signer.Keys())
	require.ErrorContains(t, err, "open the checkpoints")
}

func TestParse(t *testing.T) {
	b, err := objectlock.Parse("s3://example-checkpoints")
	require.NoError(t, err)
	require.Equal(t, objectlock.Bucket{Name: "example-checkpoints", Days: 400, Mode: types.ObjectLockModeCompliance}, b)
	b, err = objectlock.Parse("s3://example-checkpoints/a/b/?mode=governance&days=1")
	require.NoError(t, err)
	require.Equal(t, objectlock.Bucket{Name: "example-checkpoints", Prefix: "a/b/", Days: 1, Mode: types.ObjectLockModeGovernance}, b)
	for address, want := range map[string]string{
		"example-checkpoints":         "it names no bucket",
		"s3://":                       "it names no bucket",
		"s3://u:p@example":            "it names no bucket",
		"https://example.com/x":       "it names no bucket",
		"s3://example?days=0":         "days=0 is not between 1 and 36500",
		"s3://example?days=ever":      "days=ever is not between 1 and 36500",
		"s3://example?mode=none":      "mode=none is neither compliance nor governance",
		"s3://example?retention=1":    `it has no "retention"`,
		"s3://exa mple/%zz":           "read where checkpoints are kept",
		"s3://example/x#y":            "it names no bucket",
		"sqlite:checkpoints.jsonl":    "it names no bucket",
		"s3:///only/a/prefix?days=12": "it names no bucket",
	} {
		_, err := objectlock.Parse(address)
		require.ErrorContains(t, err, want, address)
	}
}
