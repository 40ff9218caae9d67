package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway/desk"
)

// Ledger is what Auth reads.
type Ledger interface {
	View(ctx context.Context, f func(ledger.Tx) error) error
}

// Auth tells who calls, by a token. A token counts if the gateway's key signed it for this gateway,
// if its time is not over, and if the record says that it was issued and not that it was revoked. The
// desk sees whether its person is still in the directory.
type Auth struct {
	Keys     grant.Keys
	Ledger   Ledger
	Audience string
	Now      func() time.Time // nil is time.Now

	mu    sync.Mutex
	after int64           // how far the record was read
	alive map[string]bool // tokens by id: issued, and not revoked
}

// errNobody is why a request has no sender.
var errNobody = errors.New("want a token: Authorization: Bearer cst_...")

// Token reads the token of a request.
func (a *Auth) Token(r *http.Request) (grant.Token, error) {
	scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || text == "" || len(r.Header.Values("Authorization")) != 1 {
		return grant.Token{}, errNobody
	}
	now := time.Now
	if a.Now != nil {
		now = a.Now
	}
	t, err := a.Keys.Token(text, a.Audience, now())
	if err != nil {
		return grant.Token{}, err
	}
	alive, err := a.issued(r.Context(), t)
	if err != nil {
		return grant.Token{}, fmt.Errorf("look up the token: %w", err)
	}
	if !alive {
		return grant.Token{}, fmt.Errorf("%w: it was revoked, or never issued", grant.ErrToken)
	}
	return t, nil
}

// issued reads what is new on record, and tells of one token.
func (a *Auth) issued(ctx context.Context, t grant.Token) (bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.alive == nil {
		a.alive = map[string]bool{}
	}
	err := a.Ledger.View(ctx, func(tx ledger.Tx) error {
		for {
			page, err := tx.List(ledger.Filter{Kinds: []ledger.Kind{ledger.Token}, After: a.after})
			if err != nil || len(page) == 0 {
				return err
			}
			for _, rec := range page {
				var b ledger.TokenBody
				if err := json.Unmarshal(rec.Body, &b); err != nil {
					return fmt.Errorf("read record %d: %w", rec.Seq, err)
				}
				a.alive[b.ID], a.after = !b.Revoked, rec.Seq
			}
		}
	})
	return a.alive[t.ID], err
}

// principal is who sends a request.
func (a *Auth) principal(r *http.Request, surface string) (desk.Principal, error) {
	t, err := a.Token(r)
	return desk.Principal{Person: t.Person, Surface: surface, Token: t.ID}, err
}

// Issue signs a token and puts on record that it was issued. The text is the secret; it is nowhere
// else.
func Issue(ctx context.Context, s grant.Signer, l *ledger.Ledger, t grant.Token, by string) (string, error) {
	text, err := s.Token(t)
	if err != nil {
		return "", err
	}
	err = l.Do(ctx, func(tx ledger.Tx) error {
		_, err := tx.Append(ledger.Entry{Kind: ledger.Token, Body: ledger.TokenBody{ID: t.ID, Person: t.Person, Issued: t.Issued, Expires: t.Expires, By: by}})
		return err
	})
	if err != nil {
		return "", err
	}
	return text, nil
}

// Revoke puts on record that a token counts no more. The error of one that was never issued wraps
// grant.ErrToken.
func Revoke(ctx context.Context, l *ledger.Ledger, id, by string) (person string, err error) {
	err = l.Do(ctx, func(tx ledger.Tx) error {
		f := ledger.Filter{Kinds: []ledger.Kind{ledger.Token}}
		for {
			page, err := tx.List(f)
			if err != nil {
				return err
			}
			if len(page) == 0 {
				break
			}
			for _, rec := range page {
				var b ledger.TokenBody
				if err := json.Unmarshal(rec.Body, &b); err != nil {
					return fmt.Errorf("read record %d: %w", rec.Seq, err)
				}
				if f.After = rec.Seq; b.ID == id {
					person = b.Person
				}
			}
		}
		if person == "" {
			return fmt.Errorf("%w: none with the id %q was issued", grant.ErrToken, id)
		}
		_, err := tx.Append(ledger.Entry{Kind: ledger.Token, Body: ledger.TokenBody{ID: id, Person: person, Revoked: true, By: by}})
		return err
	})
	return person, err
}
