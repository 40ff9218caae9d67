package aws

func servicesCalls(*service) calls { return calls{} }

var servicesChanges []change

var servicesViews = map[string]view{}

var servicesMeddling = meddlers{}
