package aws

import "slices"

func servicesCalls(s *service) calls {
	return merged(keyCalls(s), functionCalls(s), hubCalls(s), rotationCalls(s), documentCalls(s))
}

var servicesChanges = slices.Concat(keyChanges, functionChanges, hubChanges, rotationChanges)

var servicesViews = merged(keyViews, functionViews, hubViews, rotationViews, documentViews)

var servicesMeddling = merged(keyMeddling, functionMeddling, hubMeddling, rotationMeddling)
