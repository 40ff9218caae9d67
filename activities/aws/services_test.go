package aws

import "slices"

func servicesCalls(s *service) calls {
	return merged(keyCalls(s), functionCalls(s), hubCalls(s), rotationCalls(s))
}

var servicesChanges = slices.Concat(keyChanges, functionChanges, hubChanges, rotationChanges)

var servicesViews = merged(keyViews, functionViews, hubViews, rotationViews)

var servicesMeddling = merged(keyMeddling, functionMeddling, hubMeddling, rotationMeddling)
