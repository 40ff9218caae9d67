package aws

import "slices"

func servicesCalls(s *service) calls {
	return merged(keyCalls(s), functionCalls(s), hubCalls(s), rotationCalls(s), documentCalls(s), organizationCalls(s))
}

var servicesChanges = slices.Concat(keyChanges, functionChanges, hubChanges, rotationChanges, organizationChanges)

var servicesViews = merged(keyViews, functionViews, hubViews, rotationViews, documentViews, organizationViews)

var servicesMeddling = merged(keyMeddling, functionMeddling, hubMeddling, rotationMeddling, organizationMeddling)
