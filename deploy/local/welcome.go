package main

import (
	"fmt"
	"io"
)

// welcome says where everything is.
func (d *deployment) welcome(w io.Writer) {
	where := d.awsURL
	if d.aws != nil {
		where += " (a stand-in; AWS_ENDPOINT_URL names another)"
	}
	fmt.Fprintf(w, "Temporal  %s\nGateway   %s (--gateway %s)\nUI        %s\nAWS       %s\n", d.server.Address(), d.gateway, d.gateFile, d.server.UIURL(), where)
	if d.slack != nil {
		fmt.Fprintln(w, "Slack     people are asked there, and can answer here too")
	}
	for _, pb := range d.scheduled {
		fmt.Fprintf(w, "Schedule  %s: %s\n", pb.Name, pb.Schedule)
	}
}
