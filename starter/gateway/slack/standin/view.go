package standin

import (
	"encoding/json"
	"slices"
	"time"
)

// View is a form or a home tab.
type View struct {
	ID, Hash, Type  string
	Callback, Meta  string
	External        string
	Title           string
	Submit, Dismiss string // what the buttons say; "" is no button
	Blocks          []object
	// Errors are what the last submission was told, by block_id.
	Errors map[string]string

	raw      object                       // as it was sent
	values   map[string]map[string]object // what was filled in
	root     string
	previous string
	user     string
}

// Buttons are the buttons within a view, in order.
func (v View) Buttons() []Button { return buttons(v.Blocks) }

// trigger lets the app open one view for a person.
type trigger struct {
	user string
	born time.Time
	used bool
	view string // where the person was
}

const (
	maxStack = 3         // forms on top of each other
	maxView  = 250 << 10 // bytes of JSON
)

// View is the form that a person has open; the one on top.
func (s *Server) View(user string) (View, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v := s.top(user); v != nil {
		return v.copy(), true
	}
	return View{}, false
}

// Depth is how many forms a person has open on top of each other.
func (s *Server) Depth(user string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.stacks[user])
}

// Home is a person's home tab.
func (s *Server) Home(user string) (View, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v := s.homes[user]; v != nil {
		return v.copy(), true
	}
	return View{}, false
}

// CloseView lets a person close the form on top.
func (s *Server) CloseView(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.stacks[user]); n > 0 {
		s.stacks[user] = s.stacks[user][:n-1]
		s.touch()
	}
}

func (s *Server) top(user string) *View {
	if n := len(s.stacks[user]); n > 0 {
		return s.stacks[user][n-1]
	}
	return nil
}

func (v *View) copy() View {
	out := *v
	out.Blocks = nil
	for _, b := range v.Blocks {
		out.Blocks = append(out.Blocks, clone(b))
	}
	return out
}

// json is the view as Slack shows it to the app.
func (s *Server) viewJSON(v *View) object {
	o := clone(v.raw)
	o["id"], o["hash"], o["team_id"], o["app_id"], o["app_installed_team_id"], o["bot_id"] = v.ID, v.Hash, s.o.Team, s.o.App, s.o.Team, s.botID
	o["blocks"] = v.Blocks
	values := object{}
	for block, actions := range v.values {
		in := object{}
		for action, value := range actions {
			in[action] = value
		}
		values[block] = in
	}
	o["state"] = object{"values": values}
	o["root_view_id"], o["previous_view_id"] = v.root, nil
	if v.previous != "" {
		o["previous_view_id"] = v.previous
	}
	for _, name := range []string{"private_metadata", "callback_id", "external_id"} {
		if o[name] == nil {
			o[name] = ""
		}
	}
	for _, name := range []string{"clear_on_close", "notify_on_close"} {
		if o[name] == nil {
			o[name] = false
		}
	}
	if v.Type == "modal" {
		for _, name := range []string{"submit", "close"} {
			if _, ok := o[name]; !ok {
				o[name] = nil
			}
		}
	}
	return clone(o)
}

// readView makes a view of what was sent.
func (s *Server) readView(sent any, kind string) (*View, *refusal) {
	o, ok := sent.(object)
	if !ok {
		return nil, no("invalid_arguments")
	}
	if raw, err := json.Marshal(o); err != nil || len(raw) > maxView {
		return nil, no("view_too_large")
	}
	if problems := checkView(o, kind); len(problems) > 0 {
		return nil, &refusal{code: "invalid_arguments", more: object{"response_metadata": object{"messages": problems}}}
	}
	o = clone(o)
	blocks, _ := objects(o["blocks"])
	v := &View{
		Type: kind, Callback: text(o["callback_id"]), Meta: text(o["private_metadata"]), External: text(o["external_id"]),
		Title: text(at(o, "title", "text")), Submit: text(at(o, "submit", "text")), Dismiss: text(at(o, "close", "text")),
		Blocks: blocks, raw: o,
	}
	for _, b := range blocks {
		if text(b["block_id"]) == "" {
			b["block_id"] = s.id("b")
		}
	}
	v.ID, v.Hash = s.id("V"), s.id("h")
	v.root = v.ID
	v.values = initial(v)
	return v, nil
}

// exchange takes a trigger for the person it is of.
func (s *Server) exchange(id string) (*trigger, *refusal) {
	t, ok := s.triggers[id]
	switch {
	case !ok:
		return nil, no("invalid_trigger_id")
	case t.used:
		return nil, no("exchanged_trigger_id")
	case s.now().Sub(t.born) > s.o.Patience:
		return nil, no("expired_trigger_id")
	}
	t.used = true
	return t, nil
}

// trigger makes one for a person. The lock is held.
func (s *Server) newTrigger(user, view string) string {
	id := s.id("trigger")
	s.triggers[id] = &trigger{user: user, born: s.now(), view: view}
	return id
}

func (s *Server) openView(c *call) (object, *refusal) {
	v, refused := s.sentView(c, "modal")
	if refused != nil {
		return nil, refused
	}
	t, refused := s.exchange(c.str("trigger_id"))
	if refused != nil {
		return nil, refused
	}
	v.user = t.user
	s.stacks[t.user] = []*View{v}
	return object{"view": s.viewJSON(v)}, nil
}

func (s *Server) pushView(c *call) (object, *refusal) {
	v, refused := s.sentView(c, "modal")
	if refused != nil {
		return nil, refused
	}
	t, refused := s.exchange(c.str("trigger_id"))
	if refused != nil {
		return nil, refused
	}
	if refused := s.push(t.user, v); refused != nil {
		return nil, refused
	}
	return object{"view": s.viewJSON(v)}, nil
}

func (s *Server) push(user string, v *View) *refusal {
	stack := s.stacks[user]
	switch {
	case len(stack) == 0:
		return no("invalid_trigger_id")
	case len(stack) >= maxStack:
		return no("push_limit_reached")
	}
	v.user, v.root, v.previous = user, stack[0].ID, stack[len(stack)-1].ID
	s.stacks[user] = append(slices.Clone(stack), v)
	return nil
}

func (s *Server) sentView(c *call, kind string) (*View, *refusal) {
	sent, given, ok := c.tree("view")
	if !given || !ok {
		return nil, no("invalid_arguments")
	}
	v, refused := s.readView(sent, kind)
	if refused != nil {
		return nil, refused
	}
	if v.External != "" {
		for _, stack := range s.stacks {
			for _, o := range stack {
				if o.External == v.External && o.ID != c.str("view_id") {
					return nil, no("duplicate_external_id")
				}
			}
		}
	}
	return v, nil
}

func (s *Server) updateView(c *call) (object, *refusal) {
	next, refused := s.sentView(c, "modal")
	if refused != nil {
		return nil, refused
	}
	for _, stack := range s.stacks {
		for i, v := range stack {
			if v.ID != c.str("view_id") && (v.External == "" || v.External != c.str("external_id")) {
				continue
			}
			if hash := c.str("hash"); hash != "" && hash != v.Hash {
				return nil, no("hash_conflict")
			}
			stack[i] = replaceView(v, next)
			return object{"view": s.viewJSON(next)}, nil
		}
	}
	return nil, no("not_found")
}

// replaceView puts next where v was; what was filled in is kept where there is still the same to fill in.
func replaceView(v, next *View) *View {
	next.ID, next.root, next.previous, next.user = v.ID, v.root, v.previous, v.user
	for block, actions := range v.values {
		for action, value := range actions {
			if old, ok := next.values[block][action]; ok && old["type"] == value["type"] {
				next.values[block][action] = value
			}
		}
	}
	return next
}

func (s *Server) publishView(c *call) (object, *refusal) {
	u, ok := s.users[c.str("user_id")]
	if !ok || u.Deleted || u.Bot {
		return nil, no("invalid_arguments")
	}
	next, refused := s.sentView(c, "home")
	if refused != nil {
		return nil, refused
	}
	if v := s.homes[u.ID]; v != nil {
		if hash := c.str("hash"); hash != "" && hash != v.Hash {
			return nil, no("hash_conflict")
		}
		next.ID, next.root = v.ID, v.ID
	}
	next.user = u.ID
	s.homes[u.ID] = next
	return object{"view": s.viewJSON(next)}, nil
}
