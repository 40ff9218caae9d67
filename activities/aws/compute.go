package aws

import "github.com/countersign/countersign/activities"

func (s *service) registerCompute(r *activities.Registry) {
	s.registerProtect(r)
	s.registerPower(r)
	s.registerTerminate(r)
	s.registerShare(r)
	s.registerCopy(r)
	s.registerStandby(r)
	s.registerBalancing(r)
	s.registerAddress(r)
	s.registerSnapshotSharing(r)
	s.registerImageSharing(r)
	s.registerDBSnapshotSharing(r)
}
