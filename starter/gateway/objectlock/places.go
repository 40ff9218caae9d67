package objectlock

import (
	"context"
	"strings"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
)

// Places opens where a gateway keeps its checkpoints: each address is s3://BUCKET/PREFIX, see [Parse],
// or the path of a file. It returns the newest checkpoint in the files too, at which a
// ledger.Checkpointer goes on; without files there is none, and it reads the whole ledger first.
func Places(ctx context.Context, addresses []string, keys grant.Keys) ([]ledger.Place, ledger.Checkpoint, error) {
	var places []ledger.Place
	var newest ledger.Checkpoint
	for _, address := range addresses {
		if strings.HasPrefix(address, "s3:") {
			bucket, err := Parse(address)
			if err != nil {
				return nil, newest, err
			}
			locker, err := Open(ctx, bucket)
			if err != nil {
				return nil, newest, err
			}
			places = append(places, locker)
			continue
		}
		file, last, err := ledger.OpenFile(address, keys)
		if err != nil {
			return nil, newest, err
		}
		if last.Seq > newest.Seq {
			newest = last
		}
		places = append(places, file)
	}
	return places, newest, nil
}
