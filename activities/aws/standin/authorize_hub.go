package standin

// onOwnProduct is on what findings are imported: the account's own product.
func onOwnProduct(c *call) []need {
	return c.on(c.arn("securityhub", "product/"+c.caller.Account+"/default"))
}
