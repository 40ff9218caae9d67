package aws

import "github.com/countersign/countersign/activities"

func (s *service) registerControls(_ *activities.Registry) {
}
