package aws

import (
	"context"
	"fmt"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/preview"
)

// imageARN is what a permission to change the image of a call is narrowed to.
const imageARN = "arn:aws:ec2:{region}::image/{image_id}"

func (s *service) registerImageSharing(r *activities.Registry) {
	permissions := []string{"ec2:DescribeImages", "ec2:DescribeImageAttribute", "ec2:ModifyImageAttribute"}
	scopes := map[string][]string{"ec2:ModifyImageAttribute": {imageARN}}
	activities.Register(r, activities.Spec{
		Name:  "aws.ec2.unshare_public_image",
		Title: "Take a machine image away from everybody it is shared with",
		Doc: "Instances that were started from it run on, and copies stay. The snapshots of the image have shares of their own. By default only everybody loses it: " +
			"accounts, organizations and units by name stay, and from says otherwise.",
		Effect: activities.Change, Undo: "aws.ec2.restore_image_sharing", Targets: []string{"image_id"},
		Permissions: permissions, Scopes: scopes, Timeout: ec2Timeout,
	}, s.unshareImage)
	activities.Register(r, activities.Spec{
		Name:   "aws.ec2.restore_image_sharing",
		Title:  "Share a machine image again with whom it was taken away from",
		Doc:    "Adds whom the call to undo had taken away, and takes nobody away.",
		Effect: activities.Change, Undo: "aws.ec2.unshare_public_image", Targets: []string{"image_id"},
		Permissions: permissions, Scopes: scopes, Timeout: ec2Timeout,
	}, s.reshareImage)
	activities.Previews(r, "aws.ec2.unshare_public_image", s.previewUnshareImage)
	activities.Previews(r, "aws.ec2.restore_image_sharing", s.previewReshareImage)
}

type unshareImageInput struct {
	Account string   `json:"account" jsonschema:"AWS account of twelve digits that the image is in"`
	Region  string   `json:"region" jsonschema:"region that the image is in, as eu-west-1"`
	ImageID string   `json:"image_id" jsonschema:"image, as ami-0123456789abcdef0"`
	From    []string `json:"from,omitempty" jsonschema:"whom to take it away from: all for everybody, accounts, ARNs of organizations and units, or * for whomever it is shared with; by default everybody, who then can use it only if shared with by name"`
}

type reshareImageInput struct {
	Account string   `json:"account" jsonschema:"AWS account of twelve digits that the image is in"`
	Region  string   `json:"region" jsonschema:"region that the image is in, as eu-west-1"`
	ImageID string   `json:"image_id" jsonschema:"image, as ami-0123456789abcdef0"`
	Removed []string `json:"removed" jsonschema:"whom to share it with again, as the call to undo returned them"`
}

func (s *service) unshareImage(ctx context.Context, in unshareImageInput) (unshareOutput, error) {
	c, err := s.in(ctx, in.Account, in.Region)
	if err != nil {
		return unshareOutput{}, err
	}
	return sharesOfImage(in.Account, in.Region, in.ImageID).unshare(ctx, s, c, in.From)
}

func (s *service) reshareImage(ctx context.Context, in reshareImageInput) (reshareOutput, error) {
	c, err := s.in(ctx, in.Account, in.Region)
	if err != nil {
		return reshareOutput{}, err
	}
	return sharesOfImage(in.Account, in.Region, in.ImageID).reshare(ctx, s, c, in.Removed)
}

func (s *service) previewUnshareImage(ctx context.Context, in unshareImageInput) (preview.Preview, error) {
	c, err := s.in(ctx, in.Account, in.Region)
	if err != nil {
		return unchanged, err
	}
	return sharesOfImage(in.Account, in.Region, in.ImageID).previewUnshare(ctx, s, c, in.From)
}

func (s *service) previewReshareImage(ctx context.Context, in reshareImageInput) (preview.Preview, error) {
	c, err := s.in(ctx, in.Account, in.Region)
	if err != nil {
		return unchanged, err
	}
	return sharesOfImage(in.Account, in.Region, in.ImageID).previewReshare(ctx, s, c, in.Removed)
}

func sharesOfImage(account, region, id string) shares {
	return shares{
		target: fmt.Sprintf("image %s in account %s, %s", id, account, region),
		read: func(ctx context.Context, c *clients, what string) ([]string, thing, error) {
			found, err := c.EC2().DescribeImages(ctx, &ec2.DescribeImagesInput{ImageIds: []string{id}})
			if err != nil {
				return nil, thing{}, failed(err, "%s", what)
			}
			if len(found.Images) == 0 {
				return nil, thing{}, activities.Permanent("NoSuchImage", fmt.Errorf("%s: there is no such image", what))
			}
			out, err := c.EC2().DescribeImageAttribute(ctx, &ec2.DescribeImageAttributeInput{
				ImageId: &id, Attribute: types.ImageAttributeNameLaunchPermission,
			})
			if err != nil {
				return nil, thing{}, failed(err, "%s: read whom it is shared with", what)
			}
			with := []string{}
			for _, p := range out.LaunchPermissions {
				with = append(with, string(p.Group)+sdk.ToString(p.UserId)+sdk.ToString(p.OrganizationArn)+sdk.ToString(p.OrganizationalUnitArn))
			}
			slices.Sort(with)
			return with, thing{arn: "arn:aws:ec2:" + region + "::image/" + id, tags: tagMap(found.Images[0].Tags)}, nil
		},
		write: func(ctx context.Context, c *clients, what string, add, remove []string) error {
			_, err := c.EC2().ModifyImageAttribute(ctx, &ec2.ModifyImageAttributeInput{
				ImageId: &id, LaunchPermission: &types.LaunchPermissionModifications{Add: launchPermissions(add), Remove: launchPermissions(remove)},
			})
			if err != nil {
				return failed(err, "%s", what)
			}
			return nil
		},
	}
}

func launchPermissions(ids []string) []types.LaunchPermission {
	var out []types.LaunchPermission
	for _, id := range ids {
		switch {
		case id == everybody:
			out = append(out, types.LaunchPermission{Group: types.PermissionGroupAll})
		case strings.Contains(id, ":ou/"):
			out = append(out, types.LaunchPermission{OrganizationalUnitArn: &id})
		case strings.HasPrefix(id, "arn:"):
			out = append(out, types.LaunchPermission{OrganizationArn: &id})
		default:
			out = append(out, types.LaunchPermission{UserId: &id})
		}
	}
	return out
}
