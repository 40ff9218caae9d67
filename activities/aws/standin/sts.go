package standin

var stsOperations = map[string]operation{
	"GetCallerIdentity": {run: getCallerIdentity},
}

func getCallerIdentity(c *call) (any, error) {
	return elements{{"Arn", c.caller.ARN}, {"UserId", c.caller.UserID}, {"Account", c.caller.Account}}, nil
}
