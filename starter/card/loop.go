package card

import (
	"fmt"
	"strings"

	"github.com/countersign/countersign/workflows"
)

// loop tells how far a for_each has come, and each item that failed.
func loop(s *workflows.StepStatus) []string {
	l := s.Loop
	if l == nil || l.Items == 0 {
		return nil
	}
	lines := []string{progress(l)}
	for _, f := range l.Failures {
		where := fmt.Sprintf("failed [%d]", f.Index)
		if len(f.Item) > 0 {
			where += " " + Clean(string(f.Item), 60)
		}
		lines = append(lines, where+": "+Clean(f.Error, maxFailure))
	}
	if more := l.Failed - len(l.Failures); more > 0 {
		lines = append(lines, fmt.Sprintf("…[+%d failed]", more))
	}
	return lines
}

// maxFailure bounds what is told of why an item failed, in runes.
const maxFailure = 300

// progress is how far a loop has come, in numbers.
func progress(l *workflows.LoopStatus) string {
	says := []string{fmt.Sprintf("%d of %d done", l.Done, l.Items)}
	if l.Failed > 0 {
		says = append(says, fmt.Sprintf("%d failed", l.Failed))
	}
	if running := l.Items - l.Done - l.Failed - l.Left; running > 0 {
		says = append(says, fmt.Sprintf("%d under way or cut off", running))
	}
	if l.Left > 0 {
		says = append(says, fmt.Sprintf("%d left", l.Left))
	}
	if l.Waves > 1 {
		says = append(says, fmt.Sprintf("wave %d of %d", l.Wave, l.Waves))
	}
	if l.Stopped {
		says = append(says, "stopped")
	}
	return strings.Join(says, ", ")
}
