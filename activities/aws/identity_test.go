package aws

func identityCalls(*service) calls { return calls{} }

var identityChanges []change

var identityViews = map[string]view{}

var identityMeddling = meddlers{}
