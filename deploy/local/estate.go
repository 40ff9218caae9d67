package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	awssession "github.com/countersign/countersign/activities/aws/session"
	"github.com/countersign/countersign/activities/aws/standin"
)

// The estate that --estate asks for: many accounts, to try audits and loops on. A worker in production is
// told the same by --aws-accounts.
const (
	maxEstate     = 500
	estateRegions = 4
)

// validateEstate holds --estate against the other flags: the sample finding is about an account that no estate has.
func (o options) validateEstate() error {
	switch {
	case o.estate < 0 || o.estate > maxEstate:
		return fmt.Errorf("--estate %d: want a number of accounts, at most %d", o.estate, maxEstate)
	case o.estate > 0 && o.once && o.event == "":
		return errors.New("--estate sends nothing by itself: --once wants --event with it")
	}
	return nil
}

// quiet reports whether nothing is to be sent.
func (o options) quiet() bool { return o.estate > 0 && o.event == "" }

// seed is what a new stand-in begins with, and where its file is; nil: the one sample account.
func (o options) seed() (*standin.State, string) {
	if o.estate == 0 {
		return nil, "aws.json"
	}
	return standin.Estate(o.estate, estateRegions, 1), fmt.Sprintf("aws-estate-%d.json", o.estate)
}

// accounts are those that the worker acts in; nil: the one of its credentials.
func (o options) accounts() (*awssession.Accounts, error) {
	if o.estate == 0 {
		return nil, nil
	}
	return awssession.ParseAccounts(fmt.Appendf(nil, "hub: %s\nexternal_id: %s\norganization: true\ncanary: [%q]\n",
		standin.EstateHub, standin.EstateExternalID, standin.EstateAccount(min(2, o.estate-1))))
}

// invite says what to do in an estate where nothing was sent.
func (o options) invite(w io.Writer, d *deployment) {
	fmt.Fprintf(w, "%d sample accounts, of %d regions each, are there to be audited; from another terminal:\n"+
		"  go run ./starter run aws-account-audit --watch --address %s --gateway %s\n"+
		"  go run ./starter audit report --ledger %s\n", o.estate, estateRegions, d.server.Address(), d.gateFile, filepath.Join(o.state, ledgerFile))
}
