package standin

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// What is in every [Estate].
const (
	// EstateHub is the role, in the first account, by which the others are reached. The listed caller,
	// SampleAccessKeyID, may take it.
	EstateHub = "arn:aws:iam::100000000000:role/CountersignHub"
	// EstateExternalID is what the roles in the accounts ask for.
	EstateExternalID = "c0unters1gn"
	estateOrg        = "o-exampleorgid"
	estateRoot       = "r-ab12"
)

// estateRegions are the regions of an estate, the first ones of these.
var estateRegions = []string{
	"us-east-1", "eu-west-1", "eu-central-1", "us-west-2", "ap-southeast-2", "us-east-2", "ap-northeast-1", "ca-central-1",
}

// estateNow is when an estate is seen: ages are counted back from it.
var estateNow = time.Date(2026, time.November, 23, 10, 0, 0, 0, time.UTC)

// EstateAccount is the id of the nth account of an estate, from 0.
func EstateAccount(n int) string { return fmt.Sprintf("%012d", 100_000_000_000+n) }

// Estate is an organization of many accounts with some regions each, at most eight, as organizations
// grow: users and roles, networks, hosts, buckets, databases and keys, most of them as they should be
// and some not. The same numbers give the same estate. The first account is the management account.
//
// Every account has the roles SecOpsRead and SecOpsRespond, which may do everything. A worker that is
// told its accounts reaches them by [EstateHub] with [EstateExternalID]; one that is not acts with the
// listed caller in the first account alone.
func Estate(accounts, regions int, seed uint64) *State {
	st := &State{
		Callers: map[string]Caller{SampleAccessKeyID: {
			Account: EstateAccount(0), ARN: "arn:aws:sts::" + EstateAccount(0) + ":assumed-role/countersign-responder/local",
			UserID: "AROAIOSFODNN7RESPONDE:local",
		}},
		Accounts: map[string]*Account{},
		Organization: &Organization{
			ID: estateOrg, Management: EstateAccount(0), Root: estateRoot, Members: map[string]*Member{},
			Units: map[string]*Unit{"ou-ab12-workload": {Name: "workloads", Parent: estateRoot}, "ou-ab12-sandbox1": {Name: "sandbox", Parent: estateRoot}},
		},
	}
	for i := range accounts {
		id, of := EstateAccount(i), &builder{Rand: rand.New(rand.NewPCG(seed, uint64(i))), account: EstateAccount(i)} //nolint:gosec // neither is a secret
		a := of.newAccount()
		for _, region := range estateRegions[:min(regions, len(estateRegions))] {
			a.Regions[region], a.OptIn[region] = of.newRegion(region), optInNotRequired
		}
		member := &Member{Name: fmt.Sprintf("team-%03d", i), Email: fmt.Sprintf("aws+%03d@example.com", i), Parent: "ou-ab12-workload", Joined: ago(900 - i%300)}
		switch {
		case i == 0:
			member.Name, member.Parent = "management", estateRoot
			a.IAM.Roles["CountersignHub"] = &Role{
				ID: "AROAHUB0000000000", Created: ago(400), LastUsed: &LastUsed{Time: ago(0)}, Inline: map[string]string{"hub": allOfAll},
				Trust: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + id + `:root"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]}]}`,
			}
		case i%5 == 4:
			member.Parent = "ou-ab12-sandbox1"
		}
		st.Accounts[id], st.Organization.Members[id] = a, member
	}
	return st
}

const (
	allOfAll = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	someRead = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:Get*","s3:List*"],"Resource":"*"}]}`
	// estateTrust is who may take the roles for security work.
	estateTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + EstateHub + `"},` +
		`"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"],` +
		`"Condition":{"StringEquals":{"sts:ExternalId":"` + EstateExternalID + `","aws:PrincipalOrgID":"` + estateOrg + `"}}}]}`
)

func ago(days int) time.Time { return estateNow.AddDate(0, 0, -days) }

// builder makes one account. It draws in a fixed order, so that the same seed makes the same account.
type builder struct {
	*rand.Rand
	account string
	made    int
}

// one is true once in n times.
func (b *builder) one(n int) bool { return b.IntN(n) == 0 }

// id is a new id with a prefix, of the length that ids have.
func (b *builder) id(prefix string) string {
	b.made++
	return fmt.Sprintf("%s%s%09x", prefix, b.account[4:], b.made)
}

func (b *builder) newAccount() *Account {
	a := &Account{Alias: "example-" + b.account[6:], Regions: map[string]*Region{}, OptIn: map[string]string{}}
	a.IAM = IAM{
		Root:  Root{MFA: !b.one(10), Created: ago(1000)},
		Users: map[string]*User{}, Roles: map[string]*Role{},
		Groups:  map[string]*Group{"developers": {ID: "AGPA" + b.account, Created: ago(700), Inline: map[string]string{"read": someRead}}},
		Managed: map[string]*ManagedPolicy{"reading": {ID: "ANPA" + b.account, Created: ago(700), Document: someRead}},
	}
	if b.one(12) {
		a.IAM.Root.AccessKeys = 1
	}
	if b.one(8) {
		used := ago(b.IntN(60))
		a.IAM.Root.PasswordLastUsed = &used
	}
	if b.one(6) {
		a.IAM.Managed["everything"] = &ManagedPolicy{ID: "ANPB" + b.account, Created: ago(300), Document: allOfAll}
	}
	if !b.one(4) {
		a.IAM.Passwords = &PasswordPolicy{Length: 14 - 6*b.IntN(2), Reuse: 24, Symbols: true, Numbers: true}
	}
	if !b.one(5) {
		a.Contacts = map[string]*Contact{"SECURITY": {Name: "Security", Title: "on call", Email: "security@example.com", Phone: "+1 555 0100"}}
	}
	if !b.one(3) {
		a.PublicAccessBlock = closed(true)
	}
	for i := range 6 {
		a.IAM.Users[fmt.Sprintf("user-%d", i)] = b.newUser(i)
	}
	for i := range 5 {
		name := fmt.Sprintf("service-%d", i)
		a.IAM.Roles[name] = &Role{
			ID: strings.ToUpper(b.id("AROA")), Created: ago(500), Inline: map[string]string{"own": someRead},
			Trust: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`,
		}
		if !b.one(5) {
			a.IAM.Roles[name].LastUsed = &LastUsed{Time: ago(b.IntN(120)), Region: estateRegions[0]}
		}
	}
	for _, name := range []string{"SecOpsRead", "SecOpsRespond"} {
		a.IAM.Roles[name] = &Role{
			ID: strings.ToUpper(b.id("AROA")), Created: ago(400), Trust: estateTrust, Inline: map[string]string{"all": allOfAll},
			LastUsed: &LastUsed{Time: ago(1), Region: estateRegions[0]},
		}
	}
	return a
}

func (b *builder) newUser(i int) *User {
	u := &User{ID: strings.ToUpper(b.id("AIDA")), Created: ago(600), Groups: []string{"developers"}}
	if i%2 == 0 {
		u.Login, u.HardwareMFA = &LoginProfile{Created: ago(500)}, !b.one(6)
		if used := ago(b.IntN(70)); !b.one(8) {
			u.Login.LastUsed = &used
		}
		return u
	}
	key := &AccessKey{Status: active, Created: ago(b.IntN(140))}
	if b.one(4) {
		key.Status = inactive
	}
	if !b.one(5) {
		key.LastUsed = &LastUsed{Time: ago(b.IntN(60)), Service: "s3", Region: estateRegions[0]}
	}
	u.AccessKeys = map[string]*AccessKey{strings.ToUpper(b.id("AKIA")): key}
	if b.one(10) {
		u.Inline = map[string]string{"own": someRead}
	}
	return u
}

// closed are the four switches of a public access block; the last is on or not.
func closed(whole bool) *PublicAccessBlock {
	return &PublicAccessBlock{BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: whole}
}
