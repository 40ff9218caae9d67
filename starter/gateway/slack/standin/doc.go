// Package standin stands in for Slack: it speaks the Web API over HTTP, Socket Mode over WebSocket and
// signed deliveries over HTTP, keeps a workspace with its people, channels and messages, does what a
// person does there, and misbehaves on request.
//
// It serves tests, where a gateway meets something that answers, fails and remembers like Slack:
//
//	s := standin.New(standin.Options{})
//	defer s.Close()
//	api, err := s.Listen() // for SLACK_API_URL; or serve it: it is an http.Handler
//	...
//	result, err := s.Press("U0ALICE", "C0SECOPS", s.Messages("C0SECOPS")[0].TS, "approve")
//
// slack-go's slacktest serves for none of it: it has no views, user groups or chat.update, checks no
// blocks and no tokens, signs nothing, and its one hub for the whole process lets two servers in one
// test hear each other. Requests are decoded here without the types of slack-go, so that a mistake
// there does not vouch for itself.
//
// # What it does
//
//   - auth.test, apps.connections.open, bots.info
//   - chat.postMessage, postEphemeral, update, delete, getPermalink
//   - conversations.info, history, replies, open
//   - users.info, users.lookupByEmail, usergroups.list, usergroups.users.list
//   - views.open, push, update, publish
//   - files.getUploadURLExternal, files.completeUploadExternal
//   - response_urls, sockets, block_actions, view_submission, slash commands, app_home_opened
//
// Errors carry Slack's codes. Blocks and views are checked against the limits of Block Kit, with the
// places of what is wrong. Rate limits are those of the tiers, where [Options].Limits is set; posts are
// limited per channel.
//
// # People
//
// [Server.Press], [Server.PressInView], [Server.PressAtHome], [Server.Submit], [Server.Command] and
// [Server.OpenHome] do what a person does, with what is really there: a button that is not in the
// message as it is now is an error, and so is a form that Slack's own client would not send. They
// return when the app has answered or Slack has stopped waiting; [Result] says which. [Server.Messages],
// [Server.Thread], [Server.Ephemeral], [Server.View] and [Server.Home] are what people see, and
// [Server.Wait] waits for it.
//
// Where several sockets are open, each delivery goes to the next of them in turn. Interactions are
// never delivered twice by themselves; the event app_home_opened is, once, where Slack would thrice.
//
// # What it does not do
//
// Threads cannot be broadcast later, messages not scheduled, attachments are not kept. A rich_text block
// is checked for its outer elements alone. Enterprise Grid is not there.
//
// # Misbehaviour
//
// [Server.Inject] takes orders, see [FaultKind]: 429, 500, refusals with any code, answers that are
// lost, cut or of another kind, sockets that close before or after a delivery, envelopes that come
// twice. [Server.DropSockets], [Server.RefuseSockets] and [Server.DisableSocketMode] are for whole
// outages, [Server.Revoke], [Server.SetScopes] and [Server.Rotate] for what administrators do.
package standin
