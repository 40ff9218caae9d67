// Package terraform holds no code: it is the Terraform modules that make the roles in AWS, see README.md.
// The test here keeps their policies as the activities need them.
package terraform
