package standin_test

import (
	"fmt"

	"github.com/slack-go/slack"

	"github.com/countersign/countersign/starter/gateway/slack/standin"
)

// A button that nobody listens to: the person sees a warning.
func Example() {
	s := standin.New(standin.Options{})
	defer s.Close()
	api, err := s.Listen()
	if err != nil {
		fmt.Println(err)
		return
	}
	client := slack.New(standin.SampleBotToken, slack.OptionAPIURL(api))
	_, ts, err := client.PostMessage("C0SECOPS", slack.MsgOptionText("Disable the key?", false), slack.MsgOptionBlocks(
		slack.NewActionBlock("row", slack.NewButtonBlockElement("approve", "digest", slack.NewTextBlockObject(slack.PlainTextType, "Approve", false, false)))))
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := s.Press("U0ALICE", "C0SECOPS", ts, "approve")
	fmt.Println("warning:", result.Warning(), err)
	_, err = s.Press("U0ALICE", "C0SECOPS", ts, "undo")
	fmt.Println(err != nil)
	// Output:
	// warning: true <nil>
	// true
}
