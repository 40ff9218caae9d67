package aws

import "slices"

func servicesCalls(s *service) calls { return merged(keyCalls(s), functionCalls(s)) }

var servicesChanges = slices.Concat(keyChanges, functionChanges)

var servicesViews = merged(keyViews, functionViews)

var servicesMeddling = merged(keyMeddling, functionMeddling)
