package cli

import (
	"fmt"
	"html"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/playbook"
)

// The picture is boxes inside boxes: what runs one after the other stands one below the other, what is
// a choice or runs side by side stands side by side, and what belongs to a step stands in its frame.
// So no arrow ever crosses anything. Sizes are in pixels.
const (
	boxWidth   = 300
	boxPad     = 10
	lineHeight = 17
	charWidth  = 7  // of a letter, about
	gap        = 22 // between two boxes, for the arrow
	framePad   = 12
)

// tile is a part of the picture with its size. Drawing it puts it at a place.
type tile struct {
	width, height int
	draw          func(out *strings.Builder, x, y int)
}

// drawSVG draws a playbook; with the status of a run, as it went.
func drawSVG(pb *playbook.Playbook, st *workflows.Status) string {
	p := svg{status: st}
	var starts []string
	for _, t := range pb.Triggers {
		if !slices.Contains(starts, t.Event) {
			starts = append(starts, t.Event)
		}
	}
	if pb.Schedule != nil {
		starts = append(starts, pb.Schedule.String())
	}
	if len(starts) == 0 {
		starts = []string{"started by name"}
	}
	end := "outcome: done"
	if pb.Outcome != nil {
		end = "outcome: " + pb.Outcome.Text()
	}
	all := []tile{p.box("", 16, append([]string{pb.Title}, starts...)...)}
	all = append(all, p.steps(pb.Steps)...)
	picture := beside([]tile{stack(append(all, p.box("", 16, end))), p.legend()})
	const margin = 16
	var out strings.Builder
	width, height := picture.width+2*margin, picture.height+2*margin
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="Helvetica, Arial, sans-serif" font-size="12" fill="#111">`+"\n", width, height, width, height)
	fmt.Fprintf(&out, "<title>%s</title>\n", svgText(pb.Title))
	fmt.Fprintf(&out, `<rect width="%d" height="%d" style="fill:#fff"/>`+"\n", width, height)
	picture.draw(&out, margin, margin)
	out.WriteString("</svg>\n")
	return out.String()
}

type svg struct{ status *workflows.Status }

// svgText is text that means itself in a document.
func svgText(s string) string { return html.EscapeString(card.Clean(s, maxLabel)) }

// box is a rectangle with texts, the first of them in bold.
func (p svg) box(style string, round int, texts ...string) tile {
	if style == "" {
		style = "fill:#fff;stroke:#777"
	}
	var lines []string
	bold := 0
	for i, text := range texts {
		lines = append(lines, wrap(card.Clean(text, maxLabel), (boxWidth-2*boxPad)/charWidth)...)
		if i == 0 {
			bold = len(lines)
		}
	}
	height := len(lines)*lineHeight + 2*boxPad
	return tile{boxWidth, height, func(out *strings.Builder, x, y int) {
		fmt.Fprintf(out, `<rect x="%d" y="%d" width="%d" height="%d" rx="%d" style="%s"/>`+"\n", x, y, boxWidth, height, round, style)
		for i, line := range lines {
			weight := ""
			if i < bold {
				weight = ` font-weight="bold"`
			}
			fmt.Fprintf(out, `<text x="%d" y="%d"%s>%s</text>`+"\n", x+boxPad, y+boxPad+12+i*lineHeight, weight, html.EscapeString(line))
		}
	}}
}

// wrap breaks a text into lines of so many letters; what is written wide counts twice.
func wrap(text string, most int) []string {
	var lines []string
	line, width := "", 0
	flush := func() {
		if line != "" {
			lines = append(lines, line)
		}
		line, width = "", 0
	}
	for _, word := range strings.Fields(text) {
		if width > 0 && width+1+letters(word) > most {
			flush()
		}
		for letters(word) > most { // a word too long for any line
			_, size := utf8.DecodeRuneInString(word)
			for letters(word[:size]) < most {
				_, next := utf8.DecodeRuneInString(word[size:])
				size += next
			}
			lines, word = append(lines, word[:size]), word[size:]
		}
		line = strings.TrimPrefix(line+" "+word, " ")
		width = letters(line)
	}
	flush()
	return lines
}

func letters(s string) int {
	n := 0
	for _, r := range s {
		if n++; r >= 0x1100 {
			n++
		}
	}
	return n
}

// stack puts tiles below each other, with arrows between.
func stack(tiles []tile) tile {
	width, height := 0, -gap
	for _, t := range tiles {
		width, height = max(width, t.width), height+t.height+gap
	}
	return tile{width, max(0, height), func(out *strings.Builder, x, y int) {
		for i, t := range tiles {
			t.draw(out, x+(width-t.width)/2, y)
			if y += t.height; i < len(tiles)-1 {
				at := x + width/2
				fmt.Fprintf(out, `<path d="M%d %dV%dm-4 -6l4 6l4 -6" style="fill:none;stroke:#777"/>`+"\n", at, y+2, y+gap-3)
			}
			y += gap
		}
	}}
}

// beside puts tiles next to each other.
func beside(tiles []tile) tile {
	width, height := -framePad, 0
	for _, t := range tiles {
		width, height = width+t.width+framePad, max(height, t.height)
	}
	return tile{max(0, width), height, func(out *strings.Builder, x, y int) {
		for _, t := range tiles {
			t.draw(out, x, y)
			x += t.width + framePad
		}
	}}
}

// frame puts a tile into a frame with a label.
func frame(label string, inside tile) tile {
	lines := wrap(card.Clean(label, maxLabel), (max(inside.width, boxWidth)-2*boxPad)/charWidth)
	top := len(lines)*lineHeight + framePad
	width, height := max(inside.width, boxWidth)+2*framePad, top+inside.height+2*framePad
	return tile{width, height, func(out *strings.Builder, x, y int) {
		fmt.Fprintf(out, `<rect x="%d" y="%d" width="%d" height="%d" rx="4" style="fill:none;stroke:#aaa;stroke-dasharray:3"/>`+"\n", x, y, width, height)
		for i, line := range lines {
			fmt.Fprintf(out, `<text x="%d" y="%d" font-style="italic">%s</text>`+"\n", x+framePad, y+framePad+8+i*lineHeight, html.EscapeString(line))
		}
		inside.draw(out, x+(width-inside.width)/2, y+top+framePad)
	}}
}

// group puts tiles that stand side by side onto one ground, so that arrows lead to all of them.
func group(inside tile) tile {
	const pad = framePad / 2
	width, height := inside.width+2*pad, inside.height+2*pad
	return tile{width, height, func(out *strings.Builder, x, y int) {
		fmt.Fprintf(out, `<rect x="%d" y="%d" width="%d" height="%d" rx="4" style="fill:#f6f6f6;stroke:#ddd"/>`+"\n", x, y, width, height)
		inside.draw(out, x+pad, y+pad)
	}}
}

func (p svg) steps(steps []*playbook.Step) []tile {
	tiles := make([]tile, len(steps))
	for i, s := range steps {
		tiles[i] = p.step(s)
	}
	return tiles
}

// step is a box, and below it the frames of what is inside the step.
func (p svg) step(s *playbook.Step) tile {
	texts, effect := stepTexts(s)
	if s.If != nil {
		texts = slices.Insert(texts, 1, "if "+s.If.Text())
	}
	round := 4
	if _, ok := s.Verb.(*playbook.Stop); ok {
		round = 16
	}
	head := p.box(p.style(s, effect), round, texts...)
	var frames []tile
	for i, steps := range playbook.Inner(s) {
		if len(steps) > 0 {
			frames = append(frames, frame(blockLabel(s, i), stack(p.steps(steps))))
		}
	}
	if len(frames) == 0 {
		return head
	}
	if len(frames) == 1 {
		return stack([]tile{head, frames[0]})
	}
	return stack([]tile{head, group(beside(frames))})
}

// stepTexts are the lines of a step's box, and its effect.
func stepTexts(s *playbook.Step) (texts []string, effect string) {
	name := s.ID
	if s.Title != nil {
		name = s.Title.Text()
	}
	switch v := s.Verb.(type) {
	case *playbook.Activity:
		return []string{name, v.Name, effectOf(s, v)}, string(v.Signature.Effect)
	case *playbook.Approve:
		return []string{name, "approve: " + v.Message.Text(), asked(v)}, "approval"
	case *playbook.Ask:
		return []string{name, "ask: " + v.Message.Text(), strings.Join(v.Who, ", ")}, "approval"
	case *playbook.Child:
		return []string{name, "playbook " + v.Name}, ""
	case *playbook.Workflow:
		return []string{name, "workflow " + v.Name}, ""
	case *playbook.Set:
		return []string{"set " + strings.Join(v.Names(), ", ")}, ""
	case *playbook.Stop:
		if v.Failed {
			return []string{"stop, as failed", v.Outcome.Text()}, ""
		}
		return []string{"stop", v.Outcome.Text()}, ""
	case *playbook.ForEach:
		texts = []string{name, "for each of " + v.Items.Text()}
		if pace := v.Pace(); pace != "" {
			texts = append(texts, pace)
		}
		return texts, ""
	case *playbook.Repeat:
		return []string{name, fmt.Sprintf("repeat at most %d times", v.Times), "until " + v.Until.Text()}, ""
	default:
		return []string{name, s.Verb.Keyword()}, ""
	}
}

// blockLabel says when a block of a step runs.
func blockLabel(s *playbook.Step, i int) string {
	switch v := s.Verb.(type) {
	case *playbook.Approve:
		return "if approved"
	case *playbook.Switch:
		if i < len(v.Cases) {
			return "if " + v.Cases[i].If.Text()
		}
		return "else"
	case *playbook.Try:
		return []string{"try", "catch, if one of them fails", "finally"}[i]
	case *playbook.Parallel:
		return "side by side"
	case *playbook.ForEach:
		return "each item"
	case *playbook.Repeat:
		return "each round"
	default:
		return s.Verb.Keyword()
	}
}

// style is that of a step's effect or, for a run, of what became of it.
func (p svg) style(s *playbook.Step, effect string) string {
	colours := effectColours
	if p.status != nil {
		colours, effect = statusColours, "pending"
		if row := p.status.Step(s.ID); row != nil {
			effect = string(row.Status)
		}
	}
	for _, c := range colours {
		if c[0] == effect {
			return strings.ReplaceAll(c[1], ",", ";")
		}
	}
	return ""
}

// legend explains the colours.
func (p svg) legend() tile {
	colours := effectColours
	if p.status != nil {
		colours = statusColours
	}
	const width = 90
	return tile{width, len(colours) * (lineHeight + 6), func(out *strings.Builder, x, y int) {
		for _, c := range colours {
			fmt.Fprintf(out, `<rect x="%d" y="%d" width="14" height="14" style="%s"/><text x="%d" y="%d">%s</text>`+"\n", x, y, strings.ReplaceAll(c[1], ",", ";"), x+20, y+11, c[0])
			y += lineHeight + 6
		}
	}}
}
