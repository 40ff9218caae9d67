package standin

var cloudtrailOperations = map[string]operation{}
