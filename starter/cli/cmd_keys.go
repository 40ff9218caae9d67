package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/activities/grant"
)

func (a *app) keys() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Make the key that the gateway signs with, and print its public half",
		Long: `Make the key that the gateway signs with, and print its public half.

The gateway alone holds the private key. Workers hold a file of public keys: to rotate, add the new
public key to that file, restart the gateway with the new private key, and take the old one out
when no run waits that was started with it.`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	create := &cobra.Command{
		Use:     "new FILE",
		Short:   "Make a private key; a file that is there stays as it is",
		Example: `  starter keys new grant.pem && starter keys public grant.pem > grant-keys.pem`,
		Args:    arguments("FILE"),
		RunE:    func(_ *cobra.Command, args []string) error { return a.newKey(args[0]) },
	}
	public := &cobra.Command{
		Use:     "public FILE",
		Short:   "Print the public half of a private key, for workers",
		Example: `  starter keys public grant.pem >> grant-keys.pem`,
		Args:    arguments("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			s, err := grant.LoadSigner(args[0], true)
			if err != nil {
				return refuse(err, "")
			}
			pem, err := s.Public()
			if err != nil {
				return err
			}
			if a.json() {
				return a.printJSON(keyJSON{Key: s.ID(), Public: string(pem)})
			}
			_, err = a.out.Write(pem)
			return err
		},
	}
	cmd.AddCommand(create, public)
	return cmd
}

type keyJSON struct {
	Key    string `json:"key"`
	File   string `json:"file,omitempty"`
	Public string `json:"public,omitempty"`
}

// newKey writes a key into a new file that its owner alone may read.
func (a *app) newKey(file string) error {
	pem, err := grant.NewKey(false)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return refuse(fmt.Errorf("%s is there already, and what was signed with it would be lost", file), "choose another name, or see its public half: "+a.command("keys", "public", file))
	}
	if err != nil {
		return fmt.Errorf("write the key: %w", err)
	}
	_, err = f.Write(pem)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write the key %s: %w", file, err)
	}
	s, err := grant.LoadSigner(file, false)
	if err != nil {
		return err
	}
	a.say("keep it where the gateway alone can read it; for workers: %s", a.command("keys", "public", file))
	if a.json() {
		return a.printJSON(keyJSON{Key: s.ID(), File: file})
	}
	return a.print("%s  %s", s.ID(), file)
}
