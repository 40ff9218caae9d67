package aws

func accountsCalls(*service) calls { return calls{} }

var accountsChanges []change

var accountsViews = map[string]view{}

var accountsMeddling = meddlers{}
