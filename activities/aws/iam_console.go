package aws

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/preview"
)

func (s *service) registerConsole(r *activities.Registry) {
	activities.Register(r, activities.Spec{
		Name:  "aws.iam.block_console",
		Title: "Take an IAM user's password for the console away",
		Doc: "Deletes the login profile. MFA devices, access keys and sessions of the console that are open stay: follow with " +
			"aws.iam.revoke_user_sessions. The old password cannot be put back, see aws.iam.restore_console.",
		Effect:      activities.Change,
		Undo:        "aws.iam.restore_console",
		Targets:     []string{"user"},
		Permissions: []string{"iam:GetUser", "iam:GetLoginProfile", "iam:DeleteLoginProfile"},
		Scopes:      scopes(userARNs, "iam:GetUser", "iam:GetLoginProfile", "iam:DeleteLoginProfile"),
		Timeout:     iamTimeout,
	}, s.blockConsole)
	activities.Register(r, activities.Spec{
		Name:  "aws.iam.restore_console",
		Title: "Give an IAM user a login profile for the console again",
		Doc: "The new password is random, must be changed at sign-in, and nobody is told it: it is made in the worker for this one request and " +
			"forgotten. So the user can sign in only after an administrator has set a password in the usual way. A user who had no console gets none.",
		Effect:      activities.Change,
		Undo:        "aws.iam.block_console",
		Targets:     []string{"user"},
		Permissions: []string{"iam:GetUser", "iam:GetLoginProfile", "iam:CreateLoginProfile"},
		Scopes:      scopes(userARNs, "iam:GetUser", "iam:GetLoginProfile", "iam:CreateLoginProfile"),
		Timeout:     iamTimeout,
	}, s.restoreConsole)
	activities.Previews(r, "aws.iam.block_console", s.previewBlockConsole)
	activities.Previews(r, "aws.iam.restore_console", s.previewRestoreConsole)
}

type blockConsoleInput struct {
	Account    string `json:"account" jsonschema:"AWS account of twelve digits to act in"`
	User       string `json:"user" jsonschema:"IAM user who shall not sign in to the console"`
	HadConsole *bool  `json:"had_console,omitempty" jsonschema:"set when undoing a restore: true if it had found a login profile, and then nothing is done"`
}

type restoreConsoleInput struct {
	Account    string `json:"account" jsonschema:"AWS account of twelve digits to act in"`
	User       string `json:"user" jsonschema:"IAM user who shall be able to sign in to the console again"`
	HadConsole bool   `json:"had_console" jsonschema:"had_console of the block; false if there was nothing to block, and then nothing is done"`
}

// signIn is one of the two calls: that the user has a login profile, or that it has none.
type signIn struct {
	account, user string
	want          bool
	leave         bool // the call to undo changed nothing, so neither does this one
}

func (in blockConsoleInput) call() signIn {
	return signIn{account: in.Account, user: in.User, leave: in.HadConsole != nil && *in.HadConsole}
}

func (in restoreConsoleInput) call() signIn {
	return signIn{account: in.Account, user: in.User, want: true, leave: !in.HadConsole}
}

func (in signIn) target() string { return fmt.Sprintf("user %s in account %s", in.user, in.account) }

func (in signIn) String() string {
	if in.want {
		return "restore the console of " + in.target()
	}
	return "block the console of " + in.target()
}

type consoleOutput struct {
	HadConsole bool      `json:"had_console" jsonschema:"true if a login profile was found"`
	Created    time.Time `json:"created,omitzero" jsonschema:"when the login profile that was found had been made; absent if there was none"`
	MustReset  bool      `json:"must_reset" jsonschema:"true if the password of the login profile that was found had to be changed at the next sign-in"`
	Changed    bool      `json:"changed" jsonschema:"false if the user already was so"`
	Verified   bool      `json:"verified" jsonschema:"true if the user was read back as it should be"`
}

// login is what is known of a login profile.
type login struct {
	Exists  bool      `json:"exists"`
	Created time.Time `json:"created,omitzero"`
	Reset   bool      `json:"reset,omitempty"`
}

func (s *service) blockConsole(ctx context.Context, in blockConsoleInput) (consoleOutput, error) {
	return s.setConsole(ctx, in.call())
}

func (s *service) restoreConsole(ctx context.Context, in restoreConsoleInput) (consoleOutput, error) {
	return s.setConsole(ctx, in.call())
}

func (s *service) setConsole(ctx context.Context, in signIn) (consoleOutput, error) {
	ctx, c, now, err := s.findConsole(ctx, in, in.String())
	if err != nil {
		return consoleOutput{}, err
	}
	if in.leave {
		return consoleOutput{HadConsole: now.Exists, Created: now.Created, MustReset: now.Reset, Verified: now.Exists != in.want}, nil
	}
	first, err := activities.Remember(ctx, now)
	if err != nil {
		return consoleOutput{}, err
	}
	if now.Exists != in.want {
		if err := in.write(ctx, c); err != nil {
			return consoleOutput{}, err
		}
		if err := s.settle(ctx, in.String(), func(ctx context.Context) (bool, error) {
			now, err := readLogin(ctx, c, in.user, in.String())
			return now.Exists == in.want, err
		}); err != nil {
			return consoleOutput{}, err
		}
	}
	return consoleOutput{
		HadConsole: first.Exists, Created: first.Created, MustReset: first.Reset, Changed: first.Exists != in.want, Verified: true,
	}, nil
}

// findConsole is what both the change and its preview look at first. Whether the user is there must be
// asked for itself: IAM answers for a user without a login profile as for none.
func (s *service) findConsole(ctx context.Context, in signIn, what string) (context.Context, *clients, login, error) {
	c, err := s.global(ctx, in.account)
	if err != nil {
		return nil, nil, login{}, err
	}
	user, err := userThing(ctx, c, in.user, what)
	if err != nil {
		return nil, nil, login{}, err
	}
	switch {
	case in.want || in.leave:
		ctx = released(ctx)
	default:
		if ctx, err = s.clear(ctx, c, what, user); err != nil {
			return nil, nil, login{}, err
		}
	}
	now, err := readLogin(ctx, c, in.user, what)
	return ctx, c, now, err
}

func readLogin(ctx context.Context, c *clients, user, what string) (login, error) {
	out, err := c.IAM().GetLoginProfile(ctx, &iam.GetLoginProfileInput{UserName: &user})
	if answered(err, "NoSuchEntity") {
		return login{}, nil
	}
	if err != nil {
		return login{}, failed(err, "%s: read the login profile", what)
	}
	return login{Exists: true, Created: sdk.ToTime(out.LoginProfile.CreateDate).UTC(), Reset: out.LoginProfile.PasswordResetRequired}, nil
}

// write takes for done what is so already: by an answer that was lost.
func (in signIn) write(ctx context.Context, c *clients) error {
	var err error
	done := "NoSuchEntity"
	if in.want {
		done = "EntityAlreadyExists"
		_, err = c.IAM().CreateLoginProfile(ctx, &iam.CreateLoginProfileInput{
			UserName: &in.user, Password: sdk.String(nobodysPassword()), PasswordResetRequired: true,
		})
	} else {
		_, err = c.IAM().DeleteLoginProfile(ctx, &iam.DeleteLoginProfileInput{UserName: &in.user})
	}
	if err != nil && !answered(err, done) {
		return failed(err, "%s", in)
	}
	return nil
}

// nobodysPassword is a password that any password policy accepts, of the 128 characters that IAM takes
// at most, 120 of them random. It goes into one request and nowhere else: no input, output, memory or
// log has it, as a password that somebody could read later would be one more to leak.
func nobodysPassword() string {
	var b [90]byte
	_, _ = rand.Read(b[:]) // never fails
	return "aA1!bB2?" + base64.URLEncoding.EncodeToString(b[:])
}

func (s *service) previewBlockConsole(ctx context.Context, in blockConsoleInput) (preview.Preview, error) {
	return s.previewConsole(ctx, in.call())
}

func (s *service) previewRestoreConsole(ctx context.Context, in restoreConsoleInput) (preview.Preview, error) {
	return s.previewConsole(ctx, in.call())
}

func (s *service) previewConsole(ctx context.Context, in signIn) (preview.Preview, error) {
	_, _, now, err := s.findConsole(ctx, in, "preview of the console of "+in.target())
	if err != nil || in.leave || now.Exists == in.want {
		return unchanged, err
	}
	if in.want {
		return shown(preview.Change{Target: in.target(), What: "console sign-in", Before: now.say(), After: "a random password that nobody knows, until an administrator sets one"}), nil
	}
	return shown(preview.Change{Target: in.target(), What: "console sign-in", Before: now.say(), After: login{}.say()}), nil
}

func (l login) say() string {
	switch {
	case !l.Exists:
		return "none"
	case l.Reset:
		return "a password that must be changed at sign-in"
	default:
		return "a password"
	}
}
