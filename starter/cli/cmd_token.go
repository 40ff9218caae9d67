package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/starter/gateway/server"
)

func (a *app) tokenCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Issue and revoke the tokens by which people and sources speak to the gateway",
		Long: `Issue and revoke the tokens by which people and sources speak to the gateway.

It is for the operator: to issue one takes the gateway's private key and its ledger. A token is a
secret, and whoever holds it is its person.`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.issueToken(), a.revokeToken())
	return cmd
}

func (a *app) issueToken() *cobra.Command {
	var l ledgerFlags
	var key, person, people, to string
	var life time.Duration
	cmd := &cobra.Command{
		Use:     "issue --person ID --expires 12h --key FILE",
		Short:   "Issue a token for a person or a source",
		Example: `  starter token issue --person alice --expires 12h --key grant.pem --directory people.yaml --ledger ledger.db --to alice.token`,
		Args:    arguments(),
	}
	flags := cmd.Flags()
	l.ledger(cmd)
	flags.StringVar(&key, "key", "", "`file` of the gateway's private key (required)")
	flags.StringVar(&person, "person", "", "`id` of the person or the source (required)")
	flags.StringVar(&people, "directory", "", "`file` that names the people (required)")
	flags.DurationVar(&life, "expires", 12*time.Hour, fmt.Sprintf("how long it lasts; %s at most", grant.MaxTokenLife))
	flags.StringVar(&to, "to", "", "a new `file` for it, which you alone may read (default: the standard output)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		if key == "" || person == "" || people == "" {
			return usagef(cmd, "want --person ID, --key FILE and --directory FILE")
		}
		signer, err := grant.LoadSigner(key, false)
		if err != nil {
			return refuse(err, "")
		}
		d, err := directory.Load(people)
		if err != nil {
			return refuse(err, "")
		}
		if _, known := d.Person(person); !known && !d.IsSource(person) {
			return refuse(fmt.Errorf("%s has nobody with the id %q", people, person), "")
		}
		t := grant.NewToken(person, grant.Gateway, a.Now(), life)
		ledger, err := l.open(cmd.Context(), a, cmd)
		if err != nil {
			return err
		}
		defer ledger.Close()
		var file *os.File
		if to != "" { // before it is on record
			file, err = os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if errors.Is(err, fs.ErrExist) {
				return refuse(fmt.Errorf("%s is there already", to), "choose another name")
			}
			if err != nil {
				return refuse(fmt.Errorf("write the token: %w", err), "")
			}
			defer func() {
				if err = errors.Join(err, file.Close()); err != nil {
					err = errors.Join(err, os.Remove(to))
				}
			}()
		}
		text, err := server.Issue(cmd.Context(), signer, ledger, t, "operator")
		if errors.Is(err, grant.ErrToken) {
			return refuse(err, "")
		}
		if err != nil {
			return unknown(err, "")
		}
		a.say("token %s of %s, until %s; it is a secret", t.ID, t.Person, t.Expires.Format(time.RFC3339))
		if file != nil {
			if _, err := fmt.Fprintln(file, text); err != nil {
				return fmt.Errorf("write the token: %w", err)
			}
			if a.json() {
				return a.printJSON(tokenJSON{ID: t.ID, Person: t.Person, Expires: t.Expires.Format(time.RFC3339), File: to})
			}
			return nil
		}
		if a.json() {
			return a.printJSON(tokenJSON{ID: t.ID, Person: t.Person, Expires: t.Expires.Format(time.RFC3339), Token: text})
		}
		return a.print("%s", text)
	}
	return cmd
}

type tokenJSON struct {
	ID      string `json:"id"`
	Person  string `json:"person"`
	Expires string `json:"expires,omitempty"`
	Token   string `json:"token,omitempty"`
	File    string `json:"file,omitempty"`
}

func (a *app) revokeToken() *cobra.Command {
	var l ledgerFlags
	cmd := &cobra.Command{
		Use:     "revoke ID",
		Short:   "Make a token count no more, from now on",
		Example: `  starter token revoke 5d41402abc4b2a76b9719d911017c592 --ledger ledger.db`,
		Args:    arguments("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ledger, err := l.open(cmd.Context(), a, cmd)
			if err != nil {
				return err
			}
			defer ledger.Close()
			person, err := server.Revoke(cmd.Context(), ledger, args[0], "operator")
			switch {
			case errors.Is(err, grant.ErrToken):
				return refuse(err, "")
			case err != nil:
				return unknown(err, "")
			case a.json():
				return a.printJSON(tokenJSON{ID: args[0], Person: person})
			}
			return a.print("revoked  %s of %s", args[0], person)
		},
	}
	l.ledger(cmd)
	return cmd
}
