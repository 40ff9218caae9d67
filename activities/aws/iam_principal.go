package aws

import (
	"context"
	"fmt"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/countersign/countersign/activities"
)

// The names of users and roles by which permissions are narrowed. A name in the input is without its
// path, which the ARN has.
var (
	userARNs = []string{"arn:aws:iam::{account}:user/{user}", "arn:aws:iam::{account}:user/*/{user}"}
	roleARNs = []string{"arn:aws:iam::{account}:role/{role}", "arn:aws:iam::{account}:role/*/{role}"}
)

// scopes narrows permissions to the same resources.
func scopes(resources []string, permissions ...string) map[string][]string {
	out := map[string][]string{}
	for _, p := range permissions {
		out[p] = resources
	}
	return out
}

// serviceLinked begins the path of the roles that only their service may change.
const serviceLinked = "/aws-service-role/"

// userThing looks a user up. "root" may be the name of a user, too.
func userThing(ctx context.Context, c *clients, user, what string) (thing, error) {
	asRoot := activities.Permanent("RootUser", fmt.Errorf("%s: the root user is no IAM user, and no policy of its account binds it", what))
	if user == "<root_account>" { // as the credential report has it
		return thing{}, asRoot
	}
	out, err := c.IAM().GetUser(ctx, &iam.GetUserInput{UserName: &user})
	if user == "root" && answered(err, "NoSuchEntity") {
		return thing{}, asRoot
	}
	if err != nil {
		return thing{}, failed(err, "%s: look up the user", what)
	}
	return thing{arn: sdk.ToString(out.User.Arn), tags: iamTagMap(out.User.Tags)}, nil
}

// roleThing looks a role up, and refuses one that is linked to a service.
func roleThing(ctx context.Context, c *clients, role, what string) (thing, error) {
	out, err := c.IAM().GetRole(ctx, &iam.GetRoleInput{RoleName: &role})
	if err != nil {
		return thing{}, failed(err, "%s: look up the role", what)
	}
	if strings.HasPrefix(sdk.ToString(out.Role.Path), serviceLinked) {
		return thing{}, activities.Permanent("ServiceLinkedRole", fmt.Errorf("%s: the role is linked to a service, which alone may change it", what))
	}
	return thing{arn: sdk.ToString(out.Role.Arn), tags: iamTagMap(out.Role.Tags)}, nil
}

func iamTagMap(tags []types.Tag) map[string]string {
	out := map[string]string{}
	for _, t := range tags {
		out[sdk.ToString(t.Key)] = sdk.ToString(t.Value)
	}
	return out
}

// ownPrincipals are the names, as conditions of policies have them, of who must never be locked out of
// an account: its root user, and who Countersign itself is there, by every role that it acts by: what it
// looks at with one it changes with another. The ARN of a session lacks the path of its role, so a role is
// named with any path.
func ownPrincipals(c *clients) []string {
	partition, account, name := ownName(c)
	root := fmt.Sprintf("arn:%s:iam::%s:root", partition, c.Account)
	if name == "" {
		return []string{root, c.ARN}
	}
	names := []string{name}
	for _, role := range c.Roles {
		names = append(names, role[strings.LastIndexByte(role, '/')+1:])
	}
	slices.Sort(names)
	out := []string{root}
	for _, name := range slices.Compact(names) {
		out = append(out, fmt.Sprintf("arn:%s:iam::%s:role/%s", partition, account, name), fmt.Sprintf("arn:%s:iam::%s:role/*/%s", partition, account, name))
	}
	return out
}

// ownName reads the role of the session by which Countersign acts; name is "" where it is a user.
func ownName(c *clients) (partition, account, name string) {
	// arn:aws:sts::111122223333:assumed-role/name/session
	parts := strings.Split(c.ARN, ":")
	if len(parts) != 6 {
		return "aws", c.Account, ""
	}
	if rest, ok := strings.CutPrefix(parts[5], "assumed-role/"); ok {
		name, _, _ = strings.Cut(rest, "/")
	}
	return parts[1], parts[4], name
}
