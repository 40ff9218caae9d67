package slack

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	"github.com/countersign/countersign/starter/gateway/slack/receive"
	"github.com/countersign/countersign/workflows"
)

const (
	homeTime = 10 * time.Second
	// homeMost is how many of the things that wait are looked at for one home tab, and keptHomes how many
	// tabs of people are made anew after what they did.
	homeMost  = 200
	keptHomes = 1000
)

// Opened implements receive.Handler: the home tab is made when somebody looks at it.
func (f *Front) Opened(ctx context.Context, o receive.Opened) {
	p, err := f.Who.Who(ctx, o.From)
	if err != nil {
		f.Log.InfoContext(ctx, "somebody unknown looks at the home tab", "user", o.User, "error", err)
		return
	}
	f.mu.Lock()
	if f.homes == nil || len(f.homes) >= keptHomes {
		f.homes = map[string]bool{}
	}
	making := f.homes[o.User]
	f.homes[o.User] = true
	f.mu.Unlock()
	if making { // it takes long: who looks again and again must not keep others from voting
		return
	}
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.homes[o.User] = false
	}()
	f.home(ctx, o.User, p)
}

// refresh makes the home tab of a person anew who has looked at it and has done something.
func (f *Front) refresh(ctx context.Context, user string, p desk.Principal) {
	f.mu.Lock()
	_, known := f.homes[user]
	f.mu.Unlock()
	if known {
		f.home(ctx, user, p)
	}
}

func (f *Front) home(ctx context.Context, user string, p desk.Principal) {
	ctx, cancel := context.WithTimeout(ctx, homeTime)
	defer cancel()
	d := blocks.HomeData{Person: p.Person}
	for _, s := range f.waiting(ctx, homeMost) {
		if slices.Contains(s.StartedBy, p.Person) {
			d.Asks = append(d.Asks, s)
		} else if slices.Contains(blocks.Silent(s), p.Person) {
			d.Mine = append(d.Mine, s)
		}
	}
	all, err := f.runs(ctx, false)
	if err != nil {
		f.Log.WarnContext(ctx, "a home tab does not list the runs", "error", err)
	}
	for _, r := range all {
		if f.Now().Sub(r.Started) < 24*time.Hour {
			d.Today = append(d.Today, r)
		}
		if r.State == workflows.Failed {
			d.Failed = append(d.Failed, r)
		}
	}
	if err := f.Web.Home(ctx, user, blocks.Home(d, f.face(ctx))); err != nil && !errors.Is(err, context.Canceled) {
		f.Log.WarnContext(ctx, "a home tab stays as it is", "user", user, "error", err)
	}
}

// waiting are the sights of what waits, at most so many, as far as there is time.
func (f *Front) waiting(ctx context.Context, most int) []desk.Sight {
	if end, bounded := ctx.Deadline(); bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end.Add(-min(time.Second, time.Until(end)/2))) // for the rest of the answer
		defer cancel()
	}
	var out []desk.Sight
	for _, c := range f.memory.all() {
		if len(out) == most || ctx.Err() != nil {
			break
		}
		s, err := f.Desk.Sight(ctx, c.run, c.digest)
		if err == nil && s.Open() {
			out = append(out, s)
		}
	}
	return out
}
