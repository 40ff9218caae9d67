package aws

import "github.com/countersign/countersign/activities"

func (s *service) registerServices(r *activities.Registry) {
	s.registerKey(r)
	s.registerFunction(r)
	s.registerHubFindings(r)
	s.registerHubWorkflow(r)
	s.registerRotation(r)
	s.registerRestoreVersion(r)
	s.registerDocument(r)
	s.registerFreezeAccount(r)
	s.registerQuarantineAccount(r)
}
