package standin

var ec2Operations = map[string]operation{}
