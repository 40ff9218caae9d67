package aws

import (
	"cmp"
	"context"
	"slices"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/preview"
)

// registerPreviews gives every effect the read that says what it would change. Each looks at what
// its effect looks at first, through the same function, and refuses what that refuses.
//
// People approve a preview, and the same preview must come out of the same world later: so there is
// in it no time of reading, no id that is made only by acting, and nothing in the order of an answer.
// What AWS tells of names, tags and descriptions stays as it is: it is text, and never markup.
func (s *service) registerPreviews(r *activities.Registry) {
	activities.Previews(r, "aws.iam.disable_access_key", s.previewDisableKey)
	activities.Previews(r, "aws.iam.enable_access_key", s.previewEnableKey)
	activities.Previews(r, "aws.iam.attach_quarantine_policy", s.previewAttach)
	activities.Previews(r, "aws.iam.detach_quarantine_policy", s.previewDetach)
	activities.Previews(r, "aws.iam.revoke_user_sessions", s.previewRevokeUser)
	activities.Previews(r, "aws.iam.restore_user_sessions", s.previewRestoreUser)
	activities.Previews(r, "aws.iam.revoke_role_sessions", s.previewRevokeRole)
	activities.Previews(r, "aws.iam.restore_role_sessions", s.previewRestoreRole)
	activities.Previews(r, "aws.guardduty.archive_finding", s.previewArchive)
	activities.Previews(r, "aws.guardduty.unarchive_finding", s.previewUnarchive)
	activities.Previews(r, "aws.ec2.isolate_instance", s.previewIsolate)
	activities.Previews(r, "aws.ec2.restore_instance", s.previewRestoreInstance)
	activities.Previews(r, "aws.ec2.snapshot_instance", s.previewSnapshot)
	activities.Previews(r, "aws.ec2.delete_case_snapshots", s.previewDeleteSnapshots)
	activities.Previews(r, "aws.ec2.revoke_open_ingress", s.previewRevokeIngress)
	activities.Previews(r, "aws.ec2.restore_ingress", s.previewRestoreIngress)
	activities.Previews(r, "aws.s3.block_public_access", s.previewBlock)
	activities.Previews(r, "aws.s3.restore_public_access", s.previewRestoreBlock)
	activities.Previews(r, "aws.cloudtrail.start_logging", s.previewStartLogging)
	activities.Previews(r, "aws.cloudtrail.stop_logging", s.previewStopLogging)
}

// shown puts changes into their one order.
func shown(changes ...preview.Change) preview.Preview {
	slices.SortFunc(changes, func(a, b preview.Change) int {
		return cmp.Or(cmp.Compare(a.Target, b.Target), cmp.Compare(a.What, b.What), cmp.Compare(a.Before, b.Before), cmp.Compare(a.After, b.After))
	})
	return preview.Preview{Changes: changes}
}

// unchanged is the preview of a call that would change nothing.
var unchanged = preview.Preview{}

func (s *service) previewArchive(ctx context.Context, in archiveInput) (preview.Preview, error) {
	return s.previewArchived(ctx, in, true)
}

func (s *service) previewUnarchive(ctx context.Context, in archiveInput) (preview.Preview, error) {
	return s.previewArchived(ctx, in, false)
}

func (s *service) previewArchived(ctx context.Context, in archiveInput, want bool) (preview.Preview, error) {
	_, _, _, now, err := s.findArchived(ctx, in, want, "preview of "+in.String())
	if err != nil || in.leave(want) || now == want {
		return unchanged, err
	}
	say := map[bool]string{false: "current", true: "archived"}
	return shown(preview.Change{Target: in.String(), What: "state", Before: say[now], After: say[want]}), nil
}

func (s *service) previewStartLogging(ctx context.Context, in startLoggingInput) (preview.Preview, error) {
	return s.previewLogging(ctx, in.call())
}

func (s *service) previewStopLogging(ctx context.Context, in stopLoggingInput) (preview.Preview, error) {
	return s.previewLogging(ctx, in.call())
}

func (s *service) previewLogging(ctx context.Context, t trailSwitch) (preview.Preview, error) {
	what := "preview of " + t.String()
	c, err := s.in(ctx, t.Account, t.Region)
	if err != nil {
		return unchanged, err
	}
	_, now, err := s.findLogging(ctx, c, t, what)
	if err != nil || t.leave || now == t.want {
		return unchanged, err
	}
	say := map[bool]string{false: "stopped", true: "on"}
	return shown(preview.Change{Target: t.String(), What: "logging", Before: say[now], After: say[t.want]}), nil
}
