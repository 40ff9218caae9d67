package aws

import "github.com/countersign/countersign/activities"

func (s *service) registerServices(_ *activities.Registry) {
}
