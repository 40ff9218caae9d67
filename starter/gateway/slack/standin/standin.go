// Package standin is a stand-in for Slack.
package standin

import _ "github.com/gorilla/websocket" // speaks Socket Mode
