package web

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// tier is how often a method may be called.
type tier struct {
	perMinute float64
	burst     int
}

// The tiers leave room for the burst: what is sent in any minute stays below 20, 50 and 100, which
// Slack takes of one app in one workspace.
// https://docs.slack.dev/apis/web-api/rate-limits
var (
	tier2   = tier{18, 2}
	tier3   = tier{42, 8}
	tier4   = tier{88, 12}
	posting = tier{60, 3} // in one channel
)

var tiers = map[string]tier{
	"chat.postMessage":      posting,
	"chat.postEphemeral":    tier4,
	"chat.update":           tier3,
	"chat.delete":           tier3,
	"chat.getPermalink":     tier4,
	"conversations.info":    tier3,
	"conversations.history": tier3,
	"conversations.open":    tier3,
	"users.info":            tier4,
	"users.lookupByEmail":   tier3,
	"usergroups.list":       tier2,
	"views.open":            tier4,
	"views.push":            tier4,
	"views.update":          tier4,
	"views.publish":         tier4,
	"auth.test":             tier4,
	"bots.info":             tier3,
	responseURL:             {60, 5},
}

// turn names what has a pace of its own.
type turn struct{ method, of string }

// gate lets calls pass at their pace.
type gate struct {
	limit *rate.Limiter
	until time.Time // Slack wants to be left alone so long
	used  time.Time
	users int // that wait at it
}

// pace keeps the pace of every method, and of every channel that is posted in.
type pace struct {
	mu    sync.Mutex
	gates map[turn]*gate
	swept time.Time
}

func newPace() *pace { return &pace{gates: map[turn]*gate{}} }

// idle is after how long a gate is as a new one: every burst has filled up again.
const idle = 2 * time.Minute

func (p *pace) gate(t turn, now time.Time) *gate {
	if now.Sub(p.swept) > idle {
		for k, g := range p.gates {
			if g.users == 0 && now.Sub(g.used) > idle && now.After(g.until) {
				delete(p.gates, k)
			}
		}
		p.swept = now
	}
	g, ok := p.gates[t]
	if !ok {
		of, known := tiers[t.method]
		if !known {
			of = tier2
		}
		g = &gate{limit: rate.NewLimiter(rate.Limit(of.perMinute/60), of.burst)}
		p.gates[t] = g
	}
	g.used = now
	return g
}

// wait returns when it is the call's turn. Where that would be after the context's end it returns at
// once, with an [Error] that says when to come again; a place in the queue is not kept then.
func (p *pace) wait(ctx context.Context, method, of string) error {
	p.mu.Lock()
	g := p.gate(turn{method, of}, time.Now())
	g.users++
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		g.users--
		g.used = time.Now()
		p.mu.Unlock()
	}()
	for {
		late := p.held(g)
		if late <= 0 {
			break
		}
		if !rest(ctx, late) {
			return &Error{Method: method, Code: "pace", Kind: Later, After: late, Err: ctx.Err()}
		}
	}
	turn := g.limit.Reserve()
	if late := turn.Delay(); late > 0 && !rest(ctx, late) {
		turn.Cancel()
		return &Error{Method: method, Code: "pace", Kind: Later, After: late, Err: ctx.Err()}
	}
	// Slack may have asked for a pause while this call queued.
	if late := p.held(g); late > 0 && !rest(ctx, late) {
		return &Error{Method: method, Code: "pace", Kind: Later, After: late, Err: ctx.Err()}
	}
	if err := ctx.Err(); err != nil {
		return &Error{Method: method, Code: "pace", Kind: Later, Err: err}
	}
	return nil
}

// held is how long Slack still wants to be left alone.
func (p *pace) held(g *gate) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Until(g.until)
}

// hold lets nobody pass for so long: Slack has asked for it.
func (p *pace) hold(method, of string, d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	g := p.gate(turn{method, of}, now)
	if until := now.Add(d); until.After(g.until) {
		g.until = until
	}
}
