package session

import (
	"sync"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/accessanalyzer"
	"github.com/aws/aws-sdk-go-v2/service/account"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/configservice"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/securityhub"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

// Clients are the AWS clients for one account and region. Each is made when it is first asked for:
// an audit of hundreds of accounts needs few of them in each.
type Clients struct {
	// Account is whose credentials they use, as STS said.
	Account string
	// ARN is who they are, as STS said.
	ARN string
	// Principal is by what role or user they act, as policies name it; of a role with a path without that.
	Principal string
	// Roles are all by which the worker acts in the account, Principal among them: what is looked at
	// before is looked at by another role than it is changed by.
	Roles []string
	// Region is where they act; of services without regions, where their requests are signed for.
	Region string

	config sdk.Config
	// plain is config without what goes with its credentials.
	plain sdk.Config

	accessAnalyzer lazy[accessanalyzer.Client]
	contacts       lazy[account.Client]
	autoScaling    lazy[autoscaling.Client]
	cloudTrail     lazy[cloudtrail.Client]
	configService  lazy[configservice.Client]
	ec2            lazy[ec2.Client]
	balancing      lazy[elasticloadbalancingv2.Client]
	guardDuty      lazy[guardduty.Client]
	iam            lazy[iam.Client]
	kms            lazy[kms.Client]
	lambda         lazy[lambda.Client]
	organizations  lazy[organizations.Client]
	rds            lazy[rds.Client]
	s3             lazy[s3.Client]
	s3Control      lazy[s3control.Client]
	secrets        lazy[secretsmanager.Client]
	securityHub    lazy[securityhub.Client]
	ssm            lazy[ssm.Client]
}

// lazy is made once, when it is needed.
type lazy[T any] struct {
	once sync.Once
	made *T
}

func (l *lazy[T]) get(build func() *T) *T {
	l.once.Do(func() { l.made = build() })
	return l.made
}

// AccessAnalyzer is the client of IAM Access Analyzer.
func (c *Clients) AccessAnalyzer() *accessanalyzer.Client {
	return c.accessAnalyzer.get(func() *accessanalyzer.Client { return accessanalyzer.NewFromConfig(c.config) })
}

// Contacts is the client of Account Management.
func (c *Clients) Contacts() *account.Client {
	return c.contacts.get(func() *account.Client { return account.NewFromConfig(c.config) })
}

// AutoScaling is the client of EC2 Auto Scaling.
func (c *Clients) AutoScaling() *autoscaling.Client {
	return c.autoScaling.get(func() *autoscaling.Client { return autoscaling.NewFromConfig(c.config) })
}

// Balancing is the client of Elastic Load Balancing, version 2.
func (c *Clients) Balancing() *elasticloadbalancingv2.Client {
	return c.balancing.get(func() *elasticloadbalancingv2.Client { return elasticloadbalancingv2.NewFromConfig(c.config) })
}

// CloudTrail is the client of CloudTrail.
func (c *Clients) CloudTrail() *cloudtrail.Client {
	return c.cloudTrail.get(func() *cloudtrail.Client { return cloudtrail.NewFromConfig(c.config) })
}

// Config is the client of AWS Config.
func (c *Clients) Config() *configservice.Client {
	return c.configService.get(func() *configservice.Client { return configservice.NewFromConfig(c.config) })
}

// EC2 is the client of EC2.
func (c *Clients) EC2() *ec2.Client {
	return c.ec2.get(func() *ec2.Client { return ec2.NewFromConfig(c.config) })
}

// GuardDuty is the client of GuardDuty.
func (c *Clients) GuardDuty() *guardduty.Client {
	return c.guardDuty.get(func() *guardduty.Client { return guardduty.NewFromConfig(c.config) })
}

// IAM is the client of IAM.
func (c *Clients) IAM() *iam.Client {
	return c.iam.get(func() *iam.Client { return iam.NewFromConfig(c.config) })
}

// KMS is the client of KMS.
func (c *Clients) KMS() *kms.Client {
	return c.kms.get(func() *kms.Client { return kms.NewFromConfig(c.config) })
}

// Lambda is the client of Lambda.
func (c *Clients) Lambda() *lambda.Client {
	return c.lambda.get(func() *lambda.Client { return lambda.NewFromConfig(c.config) })
}

// Organizations is the client of Organizations.
func (c *Clients) Organizations() *organizations.Client {
	return c.organizations.get(func() *organizations.Client { return organizations.NewFromConfig(c.config) })
}

// RDS is the client of RDS.
func (c *Clients) RDS() *rds.Client {
	return c.rds.get(func() *rds.Client { return rds.NewFromConfig(c.config) })
}

// S3 is the client of S3.
func (c *Clients) S3() *s3.Client {
	return c.s3.get(func() *s3.Client {
		return s3.NewFromConfig(c.config, func(o *s3.Options) {
			o.UsePathStyle = o.BaseEndpoint != nil // another endpoint need not have a name for every bucket
		})
	})
}

// S3Control is the client of S3 Control, see oneHost.
func (c *Clients) S3Control() *s3control.Client {
	return c.s3Control.get(func() *s3control.Client { return s3control.NewFromConfig(c.config, oneHost) })
}

// SecretsManager is the client of Secrets Manager.
func (c *Clients) SecretsManager() *secretsmanager.Client {
	return c.secrets.get(func() *secretsmanager.Client { return secretsmanager.NewFromConfig(c.config) })
}

// SecurityHub is the client of Security Hub.
func (c *Clients) SecurityHub() *securityhub.Client {
	return c.securityHub.get(func() *securityhub.Client { return securityhub.NewFromConfig(c.config) })
}

// SSM is the client of Systems Manager.
func (c *Clients) SSM() *ssm.Client {
	return c.ssm.get(func() *ssm.Client { return ssm.NewFromConfig(c.config) })
}
