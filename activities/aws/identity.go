package aws

import "github.com/countersign/countersign/activities"

func (s *service) registerIdentity(_ *activities.Registry) {
}
