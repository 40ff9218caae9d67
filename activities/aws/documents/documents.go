// Package documents holds the documents of Systems Manager that aws.ssm.run_document runs on hosts.
//
// They look, and change nothing. An account must have them as they are here, under the name of the
// file; one that reads otherwise is refused. To make one:
//
//	aws ssm create-document --name Countersign-CollectLinux --document-type Command \
//	  --content file://Countersign-CollectLinux.json
package documents

import "embed"

// Files are the documents, as NAME.json.
//
//go:embed *.json
var Files embed.FS
