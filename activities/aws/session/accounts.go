package session

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/activities/fresh"
)

// Accounts says in which accounts the worker acts, and how it gets there:
//
//	hub: arn:aws:iam::999988887777:role/CountersignHub
//	external_id: c0unters1gn
//	organization: true
//	canary: ["111122223333"]
//	protected:
//	  tags: ["data-class=crown-jewels"]
//	  arns: ["arn:aws:iam::*:role/OrganizationAccountAccessRole"]
//	  break_glass: ["break-glass-*"]
//
// or, without an organization,
//
//	accounts:
//	  - {id: "111122223333", name: payments, ou: workloads/prod, tags: {stage: prod}}
//
// An account that is not known by it is refused, whoever names it: an event cannot widen it.
type Accounts struct {
	// Hub is the role that may take the roles in the accounts, and read the organization. Without, the
	// worker's own credentials may.
	Hub string `yaml:"hub"`
	// Roles are the names of the two roles in every account; SecOpsRead and SecOpsRespond if not said.
	Roles Roles `yaml:"roles"`
	// ExternalID is what the trust policies of the roles ask for; "": nothing.
	ExternalID string `yaml:"external_id"`
	// Partition is aws, aws-cn or aws-us-gov; "" is aws.
	Partition string `yaml:"partition"`
	// Organization says that the accounts are those of the organization that are active.
	Organization bool `yaml:"organization"`
	// Accounts are the accounts where there is no organization.
	Accounts []Member `yaml:"accounts"`
	// Canary are the accounts that go first where there are many.
	Canary    []string  `yaml:"canary"`
	Protected Protected `yaml:"protected"`
}

// Roles names the roles in every account.
type Roles struct {
	Read    string `yaml:"read"`
	Respond string `yaml:"respond"`
}

// Protected is what no effect touches, whatever people approve, beside what is tagged
// secops:protected and what the worker itself stands on.
type Protected struct {
	// Tags are keys, or key=value.
	Tags []string `yaml:"tags"`
	// ARNs may have * and ?.
	ARNs []string `yaml:"arns"`
	// BreakGlass are the names of the roles and users by which people get in when nothing else works; *
	// and ? as in ARNs.
	BreakGlass []string `yaml:"break_glass"`
}

// Member is one account.
type Member struct {
	ID    string `yaml:"id"`
	Name  string `yaml:"name"`
	Email string `yaml:"email"`
	// OU is where in the organization it is, by the names of the units from the root: workloads/prod.
	OU   string            `yaml:"ou"`
	Tags map[string]string `yaml:"tags"`

	units []string // the ids of the units it is in
}

// In reports whether the account is in a unit or below it, by its path of names or its id.
func (m Member) In(unit string) bool {
	unit = strings.Trim(unit, "/")
	return m.OU == unit || strings.HasPrefix(m.OU, unit+"/") || slices.Contains(m.units, unit)
}

// maxAccounts bounds the file, in bytes.
const maxAccounts = 1 << 20

var (
	roleForm     = regexp.MustCompile(`^[\w+=,.@-]{1,64}$`)
	hubForm      = regexp.MustCompile(`^arn:(aws|aws-cn|aws-us-gov):iam::[0-9]{12}:role/([\x21-\x7e]+/)?[\w+=,.@-]{1,64}$`)
	externalForm = regexp.MustCompile(`^[\w+=,.@:/-]{2,1000}$`)
)

// LoadAccounts reads the file once: what is allowed does not change while calls are under way.
func LoadAccounts(file string) (*Accounts, error) {
	a, err := fresh.File(file, maxAccounts, ParseAccounts)()
	if err != nil {
		return nil, fmt.Errorf("read the AWS accounts: %w", err)
	}
	return a, nil
}

// ParseAccounts reads the text of a file. Everything wrong with it is reported at once.
func ParseAccounts(raw []byte) (*Accounts, error) {
	a := &Accounts{}
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	decoder.KnownFields(true)
	if err := decoder.Decode(a); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("it is empty")
		}
		return nil, err
	}
	if err := decoder.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, errors.New("more follows after the first document")
	}
	a.Roles = Roles{Read: cmp.Or(a.Roles.Read, "SecOpsRead"), Respond: cmp.Or(a.Roles.Respond, "SecOpsRespond")}
	a.Partition = cmp.Or(a.Partition, "aws")
	for i := range a.Accounts {
		a.Accounts[i].OU = strings.Trim(a.Accounts[i].OU, "/")
	}
	return a, a.validate()
}

func (a *Accounts) validate() error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !slices.Contains([]string{"aws", "aws-cn", "aws-us-gov"}, a.Partition) {
		fail("partition %q: want aws, aws-cn or aws-us-gov", a.Partition)
	}
	if part := hubForm.FindStringSubmatch(a.Hub); a.Hub != "" && part == nil {
		fail("hub %q: want the ARN of a role, as arn:aws:iam::999988887777:role/CountersignHub", a.Hub)
	} else if part != nil && part[1] != a.Partition {
		fail("hub %q is not in the partition %s", a.Hub, a.Partition)
	}
	for _, name := range []string{a.Roles.Read, a.Roles.Respond} {
		if !roleForm.MatchString(name) {
			fail("role %q: want a name of up to 64 characters, without a path", name)
		}
	}
	if a.Roles.Read == a.Roles.Respond {
		fail("roles: read and respond are both %q: what looks must not be able to change", a.Roles.Read)
	}
	if a.ExternalID != "" && !externalForm.MatchString(a.ExternalID) {
		fail("external_id: want 2 to 1000 letters, digits and characters of +=,.@:/-")
	}
	if a.Organization == (len(a.Accounts) > 0) {
		fail("want either organization: true or a list of accounts")
	}
	seen := map[string]bool{}
	for _, m := range a.Accounts {
		if !accountForm.MatchString(m.ID) {
			fail("account %q: want twelve digits, in quotes", m.ID)
		}
		if seen[m.ID] {
			fail("account %s is there twice", m.ID)
		}
		seen[m.ID] = true
	}
	for _, id := range a.Canary {
		if !accountForm.MatchString(id) || !a.Organization && !seen[id] {
			fail("canary %q is none of the accounts", id)
		}
	}
	for _, glob := range slices.Concat(a.Protected.ARNs, a.Protected.BreakGlass) {
		if _, err := path.Match(glob, ""); err != nil || glob == "" {
			fail("protected: %q is no pattern", glob)
		}
	}
	for _, tag := range a.Protected.Tags {
		if key, _, _ := strings.Cut(tag, "="); key == "" {
			fail("protected: %q is no tag: want a key, or key=value", tag)
		}
	}
	return errors.Join(errs...)
}

// role is the ARN of a role in an account.
func (a *Accounts) role(account, name string) string {
	return "arn:" + a.Partition + ":iam::" + account + ":role/" + name
}

// sessionARN is who a session is, as STS says it.
func (a *Accounts) sessionARN(who identity) string {
	_, role, _ := strings.Cut(who.role, ":role/")
	return "arn:" + a.Partition + ":sts::" + who.account + ":assumed-role/" + role + "/" + who.name
}
