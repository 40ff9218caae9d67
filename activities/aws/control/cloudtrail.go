package control

import (
	"context"
	"strconv"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/countersign/countersign/activities/finding"
)

var trailEverywhere = &check{
	Control: finding.Control{
		ID: "CloudTrail.1", Title: "A trail logs all management events of all regions", Severity: finding.High,
		Remedy:    "Start the trail's logging, or make a trail of all regions that takes management events, reads and writes.",
		Playbook:  "aws-cloudtrail-off",
		Standards: []string{cis("3.0.0", "3.1")},
	},
	permissions: []string{"cloudtrail:DescribeTrails", "cloudtrail:GetTrailStatus", "cloudtrail:GetEventSelectors"},
	look: func(ctx context.Context, f *facts) ([]seen, error) {
		trails, err := f.trails(ctx, true)
		if err != nil {
			return nil, err
		}
		evidence, best := map[string]string{}, verdict(f.whole(), false, map[string]string{"trails": "none"})
		for _, t := range trails {
			arn := sdk.ToString(t.TrailARN)
			says, err := f.covers(ctx, t)
			if err != nil {
				one, err := f.refused(ctx, f.whole(), err)
				if err != nil {
					return nil, err
				}
				one.evidence["trail"] = arn
				if best.status == finding.Fail {
					best = one
				}
				continue
			}
			evidence[arn] = says
			switch {
			case says == trailCovers:
				return []seen{verdict(f.whole(), true, map[string]string{"trail": arn})}, nil
			case says == trailElsewhere && best.status == finding.Fail:
				best = seen{resource: f.whole(), status: finding.NotApplicable, evidence: map[string]string{"trail": arn, "judged": "in the account of the trail"}}
			}
		}
		if best.status == finding.Fail && len(evidence) > 0 {
			best.evidence = evidence
		}
		return []seen{best}, nil
	},
}

// What covers says of a trail that is as it should be, and of one that only its own account can tell of.
const (
	trailCovers    = "logs all management events"
	trailElsewhere = "is the organization's"
)

var trailEncryption = &check{
	Control: finding.Control{
		ID: "CloudTrail.2", Title: "Trails are encrypted with a KMS key", Severity: finding.Medium,
		Remedy:    "Give the trail a KMS key whose policy lets CloudTrail encrypt with it.",
		Standards: []string{cis("3.0.0", "3.5")},
	},
	scope:       ofRegion,
	permissions: []string{"cloudtrail:DescribeTrails"},
	look: eachTrail(func(t types.Trail) (bool, map[string]string) {
		key := sdk.ToString(t.KmsKeyId)
		if key == "" {
			return false, map[string]string{"KmsKeyId": "none"}
		}
		return true, map[string]string{"KmsKeyId": key}
	}),
}

var trailValidation = &check{
	Control: finding.Control{
		ID: "CloudTrail.4", Title: "Trails write digests that show what was changed in them", Severity: finding.Low,
		Remedy:    "Switch the validation of the trail's log files on.",
		Standards: []string{cis("3.0.0", "3.2")},
	},
	scope:       ofRegion,
	permissions: []string{"cloudtrail:DescribeTrails"},
	look: eachTrail(func(t types.Trail) (bool, map[string]string) {
		on := sdk.ToBool(t.LogFileValidationEnabled)
		return on, map[string]string{"LogFileValidationEnabled": strconv.FormatBool(on)}
	}),
}

// eachTrail looks at the account's own trails that are at home in the region.
func eachTrail(look func(types.Trail) (bool, map[string]string)) func(context.Context, *facts) ([]seen, error) {
	return func(ctx context.Context, f *facts) ([]seen, error) {
		trails, err := f.trails(ctx, false)
		if err != nil {
			return nil, err
		}
		var out []seen
		for _, t := range trails {
			if f.owns(t) {
				ok, evidence := look(t)
				out = append(out, verdict(sdk.ToString(t.TrailARN), ok, evidence))
			}
		}
		return out, nil
	}
}

// trails are those that are at home in the region of the client, and with shadow those of other regions
// and of the organization that take its events as well.
func (f *facts) trails(ctx context.Context, shadow bool) ([]types.Trail, error) {
	return read(ctx, f, "trails", func(ctx context.Context) ([]types.Trail, error) {
		out, err := f.c.CloudTrail().DescribeTrails(ctx, &cloudtrail.DescribeTrailsInput{IncludeShadowTrails: &shadow})
		if err != nil {
			return nil, f.failed(err, "cloudtrail:DescribeTrails")
		}
		return out.TrailList, nil
	})
}

// owns reports whether a trail is the account's own.
func (f *facts) owns(t types.Trail) bool {
	return strings.Contains(sdk.ToString(t.TrailARN), ":"+f.account+":trail/")
}

// covers says what a trail does, or lacks.
func (f *facts) covers(ctx context.Context, t types.Trail) (string, error) {
	if !sdk.ToBool(t.IsMultiRegionTrail) {
		return "is of one region", nil
	}
	status, err := f.c.CloudTrail().GetTrailStatus(ctx, &cloudtrail.GetTrailStatusInput{Name: t.TrailARN})
	if err != nil {
		return "", f.failed(err, "cloudtrail:GetTrailStatus")
	}
	if !sdk.ToBool(status.IsLogging) {
		return "does not log", nil
	}
	if why := sdk.ToString(status.LatestDeliveryError); why != "" { // as blind: whoever takes its bucket away need not stop it
		return "cannot deliver: " + why, nil
	}
	if !f.owns(t) {
		return trailElsewhere, nil
	}
	at := sdk.ToString(t.HomeRegion)
	out, err := f.c.CloudTrail().GetEventSelectors(ctx, &cloudtrail.GetEventSelectorsInput{TrailName: t.TrailARN}, func(o *cloudtrail.Options) {
		if at != "" {
			o.Region = at // where a trail is at home it tells of its events
		}
	})
	if err != nil {
		return "", f.failed(err, "cloudtrail:GetEventSelectors")
	}
	if basicManagement(out.EventSelectors) || advancedManagement(out.AdvancedEventSelectors) {
		return trailCovers, nil
	}
	return "does not take all management events", nil
}

// basicManagement reports whether basic selectors take reads and writes of management events.
func basicManagement(list []types.EventSelector) bool {
	reads, writes := false, false
	for _, s := range list {
		if sdk.ToBool(s.IncludeManagementEvents) {
			reads = reads || s.ReadWriteType != types.ReadWriteTypeWriteOnly
			writes = writes || s.ReadWriteType != types.ReadWriteTypeReadOnly
		}
	}
	return reads && writes
}

// advancedManagement reports the same of advanced selectors. One that narrows management events in
// another way than by leaving out the sources that CloudTrail lets be left out does not count.
func advancedManagement(list []types.AdvancedEventSelector) bool {
	reads, writes := false, false
	for _, s := range list {
		management, narrowed, r, w := false, false, true, true
		for _, field := range s.FieldSelectors {
			switch sdk.ToString(field.Field) {
			case "eventCategory":
				management = len(field.Equals) == 1 && field.Equals[0] == "Management"
			case "readOnly":
				r, w = len(field.Equals) == 1 && field.Equals[0] == "true", len(field.Equals) == 1 && field.Equals[0] == "false"
			case "eventSource":
				narrowed = narrowed || len(field.NotEquals) == 0
			default:
				narrowed = true
			}
		}
		if management && !narrowed {
			reads, writes = reads || r, writes || w
		}
	}
	return reads && writes
}
