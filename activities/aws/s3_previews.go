package aws

import (
	"context"
	"strings"

	"github.com/countersign/countersign/activities/preview"
)

func (s *service) previewBlock(ctx context.Context, in blockInput) (preview.Preview, error) {
	return s.previewPublicAccess(ctx, in.bucket(), everythingBlocked, in.leave())
}

func (s *service) previewRestoreBlock(ctx context.Context, in restoreBlockInput) (preview.Preview, error) {
	return s.previewPublicAccess(ctx, in.bucket(), in.PreviousBlock, in.leave())
}

func (s *service) previewPublicAccess(ctx context.Context, in bucketInput, want publicAccessBlock, leave bool) (preview.Preview, error) {
	what := "preview of " + in.String()
	c, err := s.in(ctx, in.Account, in.Region)
	if err != nil {
		return unchanged, err
	}
	now, err := readBlock(ctx, c, in, what)
	if err != nil || leave {
		return unchanged, err
	}
	if err := changedSince(now, want, what); err != nil || now == want {
		return unchanged, err
	}
	if _, err := s.clearBlock(ctx, c, in, want, what); err != nil {
		return unchanged, err
	}
	return shown(preview.Change{Target: in.String(), What: "public access block", Before: now.say(), After: want.say()}), nil
}

// say names the switches as AWS does.
func (b publicAccessBlock) say() string {
	switch b {
	case publicAccessBlock{}:
		return "none"
	case everythingBlocked:
		return "everything blocked"
	}
	var on, off []string
	for _, s := range []struct {
		name string
		on   bool
	}{
		{"BlockPublicAcls", b.BlockPublicAcls},
		{"IgnorePublicAcls", b.IgnorePublicAcls},
		{"BlockPublicPolicy", b.BlockPublicPolicy},
		{"RestrictPublicBuckets", b.RestrictPublicBuckets},
	} {
		if s.on {
			on = append(on, s.name)
		} else {
			off = append(off, s.name)
		}
	}
	if len(on) == 0 {
		return "nothing blocked"
	}
	return "on: " + strings.Join(on, ", ") + "; off: " + strings.Join(off, ", ")
}
