package aws

func controlsCalls(*service) calls { return calls{} }

var controlsChanges []change

var controlsViews = map[string]view{}

var controlsMeddling = meddlers{}
