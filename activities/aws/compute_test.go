package aws

func computeCalls(*service) calls { return calls{} }

var computeChanges []change

var computeViews = map[string]view{}

var computeMeddling = meddlers{}
