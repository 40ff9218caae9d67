package standin

import (
	"regexp"
	"strings"
	"time"
)

// accessJob is a report of what services something was used with: being made, or there.
type accessJob struct {
	account, arn string
	began        time.Time
	asked        int
}

var jobID = regexp.MustCompile(`^[0-9a-fA-F-]{36}$`)

// services finds what a user or role of the account was used with, by ARN.
func (c *call) services(arn string) (map[string]*LastUsed, bool) {
	in := c.account().IAM
	for name, u := range in.Users {
		if u.arn(c.caller.Account, name) == arn {
			return u.Services, true
		}
	}
	for name, r := range in.Roles {
		if r.arn(c.caller.Account, name) == arn {
			return r.Services, true
		}
	}
	return nil, false
}

func generateServiceLastAccessedDetails(c *call) (any, error) {
	arn := c.params.str("Arn")
	if !strings.HasPrefix(arn, "arn:") {
		return nil, bad("InvalidInput", "ARN %s is not valid.", arn)
	}
	if _, there := c.services(arn); !there {
		return nil, noSuchEntity("ARN %s is not found.", arn)
	}
	id := newRequestID()
	c.jobs[id] = &accessJob{account: c.caller.Account, arn: arn, began: c.now}
	return elements{{"JobId", id}}, nil
}

// getServiceLastAccessedDetails says that the report is in progress to who asks first, and has it then.
func getServiceLastAccessedDetails(c *call) (any, error) {
	id, err := c.required("JobId", jobID)
	if err != nil {
		return nil, err
	}
	job := c.jobs[id]
	if job == nil || job.account != c.caller.Account {
		return nil, noSuchEntity("Job %s cannot be found.", id)
	}
	job.asked++
	out := elements{{"JobStatus", "IN_PROGRESS"}, {"JobType", "SERVICE_LEVEL"}, {"JobCreationDate", iamTime(job.began)}}
	if job.asked == 1 {
		return append(out, element{"IsTruncated", false}), nil
	}
	services, there := c.services(job.arn)
	if !there {
		out[0].value = "FAILED"
		return append(out, element{"Error", elements{{"Message", "The entity was deleted"}, {"Code", "NoSuchEntity"}}}), nil
	}
	names, rest, err := c.iamPage(sorted(services))
	if err != nil {
		return nil, err
	}
	members := elements{}
	for _, name := range names {
		item := elements{{"ServiceName", "AWS " + name}, {"ServiceNamespace", name}, {"TotalAuthenticatedEntities", 0}}
		if last := services[name]; last != nil {
			item[2].value = 1
			item = append(item, elements{
				{"LastAuthenticated", iamTime(last.Time)}, {"LastAuthenticatedEntity", job.arn}, {"LastAuthenticatedRegion", last.Region},
			}...)
		}
		members = append(members, element{"member", item})
	}
	out[0].value = "COMPLETED"
	return append(append(out, elements{{"JobCompletionDate", iamTime(c.now)}, {"ServicesLastAccessed", members}}...), rest...), nil
}
