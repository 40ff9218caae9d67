package blocks

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/workflows"
)

// Runs lists runs.
func Runs(all []RunLine, c Context) Message {
	p := &page{Context: c, room: short}
	if len(all) == 0 {
		p.aside("Runs would be here. There are none.")
	}
	p.runs(all)
	return p.message(plural(len(all), "run", "runs"))
}

// Approvals lists what waits for people.
func Approvals(all []desk.Sight, c Context) Message {
	if len(all) == 0 {
		p := &page{Context: c, room: short}
		p.aside("Requests and questions that wait for people would be here. Nothing waits.")
		return p.message("Nothing waits for people")
	}
	return Fold(all, c)
}

// maxStory bounds the story of a run in a message, in lines.
const maxStory = 80

// Story is the story of a run as the terminal tells it.
func Story(st *workflows.Status, c Context) Message {
	p := &page{Context: c, room: short}
	var out bytes.Buffer
	if err := card.Story(&out, st); err != nil {
		return Sentence("The story cannot be told: " + err.Error())
	}
	lines := strings.Split(strings.TrimRight(out.String(), "\n"), "\n")
	kept := cutLines(lines, maxStory)
	for i, line := range kept {
		kept[i] = cut(untagged(line), 110)
	}
	p.lines(kept)
	if len(kept) < len(lines) {
		p.aside("All of it: " + codeOf("starter show "+shell(st.Run)))
	}
	return p.message(Escape(name(st.Run, maxCode) + " is " + string(st.State)))
}

// Duty says who is on call for something.
type Duty struct {
	Name   string
	People []string
}

// OnCall says who is on call. It is for one person alone: in a channel it would call them all.
func OnCall(all []Duty, c Context) Message {
	p := &page{Context: c, room: short}
	if len(all) == 0 {
		p.aside("Who is on call would be here. The configuration names nobody.")
	}
	rows := make([]row, 0, len(all))
	for i, d := range all {
		if i == maxFolded {
			rows = append(rows, row{"more", fmt.Sprintf("…[+%d]", len(all)-i)})
			break
		}
		people := "nobody"
		if len(d.People) > 0 {
			people = p.people(d.People)
		}
		rows = append(rows, row{codeOf(name(d.Name, maxName)), people})
	}
	p.rows(rows...)
	return p.message("Who is on call")
}

// Help says what the slash command can do.
func Help(command string) Message {
	p := &page{room: short}
	name := Plain(command, 40)
	var lines []string
	for _, one := range [][2]string{
		{"approvals", "what waits for people"},
		{"runs", "the newest runs"},
		{"show RUN", "the story of a run"},
		{"run PLAYBOOK", "start a playbook by hand"},
		{"stop RUN", "ask a run to stop; it puts back what it did"},
		{"undo RUN WHY", "take back what a run did"},
		{"on-call", "who is on call"},
		{"help", "this"},
	} {
		lines = append(lines, fmt.Sprintf("%-27s %s", name+" "+one[0], one[1]))
	}
	p.lines(lines)
	return p.message("What " + Escape(name) + " can do")
}
