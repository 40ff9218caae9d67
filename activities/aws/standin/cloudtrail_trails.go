package standin

import (
	"regexp"
	"strings"
	"time"
)

var (
	trailName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{1,126}[A-Za-z0-9]$`)
	trailARN  = regexp.MustCompile(`^arn:aws:cloudtrail:[a-z0-9-]+:[0-9]{12}:trail/[A-Za-z0-9._-]{3,128}$`)
)

func (c *call) trailARN(region, name string) string {
	return "arn:aws:cloudtrail:" + region + ":" + c.caller.Account + ":trail/" + name
}

// trail finds the trail that a request names, by its name in the region it was sent to, or by its
// ARN anywhere.
func (c *call) trail() (region, name string, _ *Trail, _ error) {
	in := struct{ Name string }{}
	if refused := c.into(&in); refused != nil {
		return "", "", nil, refused
	}
	region, name = c.region, in.Name
	switch {
	case strings.HasPrefix(in.Name, "arn:") && !trailARN.MatchString(in.Name):
		return "", "", nil, bad("CloudTrailARNInvalidException", "The ARN %s is not valid", in.Name)
	case strings.HasPrefix(in.Name, "arn:"):
		part := strings.SplitN(in.Name, ":", 6)
		region, name = part[3], strings.TrimPrefix(part[5], "trail/")
		if part[4] != c.caller.Account {
			return "", "", nil, bad("TrailNotFoundException", "Unknown trail: %s for the user: %s", in.Name, c.caller.Account)
		}
	case !trailName.MatchString(in.Name):
		return "", "", nil, bad("InvalidTrailNameException", "Trail name %q is not valid", in.Name)
	}
	if r := c.account().Regions[region]; r != nil && r.Trails[name] != nil {
		return region, name, r.Trails[name], nil
	}
	return "", "", nil, bad("TrailNotFoundException", "Unknown trail: %s for the user: %s", c.trailARN(region, name), c.caller.Account)
}

func getTrail(c *call) (any, error) {
	region, name, t, err := c.trail()
	if err != nil {
		return nil, err
	}
	return map[string]any{"Trail": t.answer(c.caller.Account, region, name)}, nil
}

// answer is a trail as the API tells of it, from wherever.
func (t *Trail) answer(account, region, name string) map[string]any {
	out := map[string]any{
		"Name": name, "TrailARN": "arn:aws:cloudtrail:" + region + ":" + account + ":trail/" + name, "HomeRegion": region, "S3BucketName": t.Bucket,
		"IsMultiRegionTrail": t.MultiRegion, "IsOrganizationTrail": t.Organization, "LogFileValidationEnabled": t.Validated,
		"IncludeGlobalServiceEvents": true, "HasCustomEventSelectors": len(t.Selectors)+len(t.Advanced) > 0, "HasInsightSelectors": false,
	}
	if t.Key != "" {
		out["KmsKeyId"] = t.Key
	}
	return out
}

func getTrailStatus(c *call) (any, error) {
	t := c.organizationTrail()
	if t == nil {
		var err error
		if _, _, t, err = c.trail(); err != nil {
			return nil, err
		}
	}
	out := map[string]any{"IsLogging": t.Logging}
	for name, at := range map[string]*time.Time{"StartLoggingTime": t.Started, "StopLoggingTime": t.Stopped, "LatestDeliveryTime": t.Delivered} {
		if at != nil {
			out[name] = seconds(*at)
		}
	}
	if t.DeliveryFailed != "" {
		out["LatestDeliveryError"] = t.DeliveryFailed
	}
	return out, nil
}

// logTrail starts or stops a trail, which can be done in its home region alone.
func logTrail(on bool) func(*call) (any, error) {
	return func(c *call) (any, error) {
		region, name, t, err := c.trail()
		if err != nil {
			return nil, err
		}
		if region != c.region {
			return nil, bad("InvalidHomeRegionException", "The trail %s can only be changed in its home region, %s", name, region)
		}
		if t.Logging == on {
			return nil, nil
		}
		t.Logging, c.changed = on, true
		if now := c.now; on {
			t.Started = &now
		} else {
			t.Stopped = &now
		}
		return nil, nil
	}
}
