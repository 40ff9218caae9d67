package aws

import "github.com/countersign/countersign/activities"

func (s *service) registerAccounts(_ *activities.Registry) {
}
