package aws

import "slices"

func servicesCalls(s *service) calls { return merged(keyCalls(s), functionCalls(s), hubCalls(s)) }

var servicesChanges = slices.Concat(keyChanges, functionChanges, hubChanges)

var servicesViews = merged(keyViews, functionViews, hubViews)

var servicesMeddling = merged(keyMeddling, functionMeddling, hubMeddling)
