package aws

import "github.com/countersign/countersign/activities"

func (s *service) registerCompute(_ *activities.Registry) {
}
