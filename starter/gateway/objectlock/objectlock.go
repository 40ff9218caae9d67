// Package objectlock keeps the ledger's checkpoints in S3 with Object Lock: until the retention is
// over nobody can change or delete them there, in the mode COMPLIANCE not even the account's root
// user. With the bucket in an account of its own, those who operate the ledger cannot rewrite it
// without it showing.
//
// The bucket needs Object Lock, which is turned on when it is made. The gateway needs s3:PutObject and
// s3:PutObjectRetention on the prefix, and nothing else: it never reads there. To check a ledger,
// fetch the objects and put them together; each is a line of a file of checkpoints:
//
//	aws s3 cp --recursive s3://example-checkpoints/ledger/ seals/ && cat seals/* > checkpoints.jsonl
//	starter ledger verify --export ledger.jsonl --checkpoints checkpoints.jsonl --keys grant-keys.pem
package objectlock

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/countersign/countersign/activities/ledger"
)

// Bounds on how long checkpoints are kept.
const (
	DefaultDays = 400
	maxDays     = 36500 // S3's own bound
)

// sixty seconds are long for 400 bytes; the checkpointer tries again.
const timeout = time.Minute

// Bucket is where to keep checkpoints.
type Bucket struct {
	Name   string
	Prefix string // of the names of objects: "ledger/"
	// Days are how long nobody can delete one.
	Days int
	// Mode is COMPLIANCE, or GOVERNANCE, in which some may lift the lock.
	Mode types.ObjectLockMode
	// Owner is the account that the bucket must belong to; "" is not checked.
	Owner string
}

// Parse reads s3://BUCKET/PREFIX?days=400&mode=compliance&owner=123456789012. All but the bucket may
// be left out.
func Parse(address string) (Bucket, error) {
	u, err := url.Parse(address)
	if err != nil {
		return Bucket{}, fmt.Errorf("read where checkpoints are kept: %w", err)
	}
	fail := func(format string, args ...any) (Bucket, error) {
		return Bucket{}, fmt.Errorf("read where checkpoints are kept, %s: %s; want s3://BUCKET/PREFIX?days=%d&mode=compliance&owner=ACCOUNT", address, fmt.Sprintf(format, args...), DefaultDays)
	}
	if u.Scheme != "s3" || u.Host == "" || u.User != nil || u.Fragment != "" {
		return fail("it names no bucket")
	}
	b := Bucket{Name: u.Host, Prefix: strings.TrimPrefix(u.Path, "/"), Days: DefaultDays, Mode: types.ObjectLockModeCompliance}
	if b.Prefix != "" && !strings.HasSuffix(b.Prefix, "/") {
		b.Prefix += "/"
	}
	for name, values := range u.Query() {
		value := values[len(values)-1]
		switch name {
		case "days":
			if b.Days, err = strconv.Atoi(value); err != nil || b.Days < 1 || b.Days > maxDays {
				return fail("days=%s is not between 1 and %d", value, maxDays)
			}
		case "mode":
			b.Mode = types.ObjectLockMode(strings.ToUpper(value))
			if b.Mode != types.ObjectLockModeCompliance && b.Mode != types.ObjectLockModeGovernance {
				return fail("mode=%s is neither compliance nor governance", value)
			}
		case "owner":
			b.Owner = value
		default:
			return fail("it has no %q", name)
		}
	}
	return b, nil
}

// Locker is a ledger.Place.
type Locker struct {
	bucket Bucket
	client *s3.Client
}

var _ ledger.Place = (*Locker)(nil)

// Open takes credentials and region from the environment, as every program of AWS does. It makes no request.
func Open(ctx context.Context, b Bucket) (*Locker, error) {
	loaded, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the configuration of AWS for the bucket %s: %w", b.Name, err)
	}
	return New(b, s3.NewFromConfig(loaded, func(o *s3.Options) {
		o.UsePathStyle = o.BaseEndpoint != nil // another endpoint need not have a name for every bucket
	})), nil
}

// New returns a place with a client of its caller's.
func New(b Bucket, client *s3.Client) *Locker { return &Locker{b, client} }

// Name implements ledger.Place.
func (l *Locker) Name() string { return "s3://" + l.bucket.Name + "/" + l.bucket.Prefix }

// Keep implements ledger.Place. The name of the object is the number of the record and the beginning
// of its hash, so they list in their order, and two that disagree are two objects. A second one of
// the same name would be another version: the first stays.
func (l *Locker) Keep(ctx context.Context, s ledger.Sealing) error {
	line, err := json.Marshal(s.Signed)
	if err != nil {
		return fmt.Errorf("write a checkpoint: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	in := &s3.PutObjectInput{
		Bucket: sdk.String(l.bucket.Name), Key: sdk.String(fmt.Sprintf("%s%020d-%s.json", l.bucket.Prefix, s.Seq, s.Hash.Short())),
		Body: bytes.NewReader(append(line, '\n')), ContentType: sdk.String("application/json"),
		ChecksumAlgorithm:         types.ChecksumAlgorithmSha256, // S3 wants one with a lock
		ObjectLockMode:            l.bucket.Mode,
		ObjectLockRetainUntilDate: sdk.Time(s.At.AddDate(0, 0, l.bucket.Days).UTC().Truncate(time.Second)),
	}
	if l.bucket.Owner != "" {
		in.ExpectedBucketOwner = sdk.String(l.bucket.Owner)
	}
	_, err = l.client.PutObject(ctx, in)
	var refused smithy.APIError
	if errors.As(err, &refused) && refused.ErrorCode() == "InvalidRequest" {
		return fmt.Errorf("%w; has the bucket Object Lock? It is turned on when a bucket is made", err)
	}
	return err
}
