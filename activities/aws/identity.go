package aws

import "github.com/countersign/countersign/activities"

func (s *service) registerIdentity(r *activities.Registry) {
	s.registerDeleteKey(r)
	s.registerConsole(r)
	s.registerQuarantinePrincipal(r)
	s.registerAccountBlock(r)
	s.registerBucketPolicy(r)
	s.registerReport(r)
	s.registerPrincipal(r)
	s.registerRoles(r)
}
