package aws

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/preview"
)

func (s *service) previewDisableKey(ctx context.Context, in accessKeyInput) (preview.Preview, error) {
	return s.previewKey(ctx, in, types.StatusTypeInactive)
}

func (s *service) previewEnableKey(ctx context.Context, in accessKeyInput) (preview.Preview, error) {
	return s.previewKey(ctx, in, types.StatusTypeActive)
}

func (s *service) previewKey(ctx context.Context, in accessKeyInput, want types.StatusType) (preview.Preview, error) {
	_, _, now, err := s.findAccessKey(ctx, in, want, "preview of "+in.String())
	if err != nil || in.leave(want) || now == want {
		return unchanged, err
	}
	return shown(preview.Change{Target: in.String(), What: "status", Before: string(now), After: string(want)}), nil
}

func (s *service) previewAttach(ctx context.Context, in attachQuarantineInput) (preview.Preview, error) {
	return s.previewQuarantine(ctx, in.quarantine())
}

func (s *service) previewDetach(ctx context.Context, in detachQuarantineInput) (preview.Preview, error) {
	return s.previewQuarantine(ctx, in.quarantine())
}

func (s *service) previewQuarantine(ctx context.Context, q quarantine) (preview.Preview, error) {
	_, _, has, err := s.findQuarantine(ctx, q)
	if err != nil || q.leave || has == q.attach {
		return unchanged, err
	}
	say := map[bool]string{false: "not attached", true: "attached"}
	return shown(preview.Change{
		Target: fmt.Sprintf("user %s in account %s", q.user, q.account), What: "policy " + q.policy, Before: say[has], After: say[q.attach],
	}), nil
}

func (s *service) previewRevokeUser(ctx context.Context, in revokeUserInput) (preview.Preview, error) {
	c, err := s.global(ctx, in.Account)
	if err != nil {
		return unchanged, err
	}
	return s.previewRevoke(ctx, userPrincipal{c, in.User}, in.RevokedBefore)
}

func (s *service) previewRevokeRole(ctx context.Context, in revokeRoleInput) (preview.Preview, error) {
	c, err := s.global(ctx, in.Account)
	if err != nil {
		return unchanged, err
	}
	return s.previewRevoke(ctx, rolePrincipal{c, in.Role}, in.RevokedBefore)
}

// previewRevoke names no time where the step's own will count: that is not known before it asks.
func (s *service) previewRevoke(ctx context.Context, p principal, asked time.Time) (preview.Preview, error) {
	_, line, now, err := s.findSessions(ctx, p, asked, fmt.Sprintf("preview of the sessions of %s", p))
	if err != nil {
		return unchanged, err
	}
	if there, ours := revokedBefore(now); ours && !there.Before(line) {
		return unchanged, nil
	}
	after := "those issued before the step is begun"
	if !asked.IsZero() {
		after = issuedBefore(line)
	}
	return shown(preview.Change{Target: p.String(), What: sessionsDenied, Before: sayDenied(now), After: after}), nil
}

func (s *service) previewRestoreUser(ctx context.Context, in restoreUserInput) (preview.Preview, error) {
	c, err := s.global(ctx, in.Account)
	if err != nil {
		return unchanged, err
	}
	return previewRestore(ctx, userPrincipal{c, in.User}, revocation{in.PolicyName, in.PreviousPolicy, in.RevokedBefore})
}

func (s *service) previewRestoreRole(ctx context.Context, in restoreRoleInput) (preview.Preview, error) {
	c, err := s.global(ctx, in.Account)
	if err != nil {
		return unchanged, err
	}
	return previewRestore(ctx, rolePrincipal{c, in.Role}, revocation{in.PolicyName, in.PreviousPolicy, in.RevokedBefore})
}

func previewRestore(ctx context.Context, p principal, r revocation) (preview.Preview, error) {
	now, err := r.find(ctx, p, fmt.Sprintf("preview of the sessions of %s", p))
	if err != nil || !r.stands(now) {
		return unchanged, err
	}
	return shown(preview.Change{Target: p.String(), What: sessionsDenied, Before: sayDenied(now), After: sayDenied(r.previous)}), nil
}

const sessionsDenied = "sessions that are denied everything"

func issuedBefore(line time.Time) string {
	return "those issued before " + line.UTC().Format(time.RFC3339)
}

// sayDenied says which sessions the policy denies. Of one that Countersign did not write it says
// that, and by its digest which one it is.
func sayDenied(document string) string {
	if document == "" {
		return "none"
	}
	if before, ours := revokedBefore(document); ours {
		return issuedBefore(before)
	}
	name, err := digest.Of(json.RawMessage(document))
	if err != nil { // no JSON
		name, _ = digest.Of(document)
	}
	return fmt.Sprintf("as policy %s says, which somebody has written (%s)", sessionsPolicy, name.Short())
}
