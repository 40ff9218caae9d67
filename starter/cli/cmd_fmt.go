package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/workflows/playbook"
)

func (a *app) fmt() *cobra.Command {
	var check bool
	cmd := &cobra.Command{
		Use:   "fmt [FILE|FOLDER...|-]",
		Short: "Give playbooks their one layout, comments kept",
		Long: `Give playbooks their one layout, comments kept.

Files are rewritten in place and listed. A folder stands for all files below it that end in .yaml and
not in _test.yaml; without arguments it is the folder of --playbooks. "-" reads standard input and
prints. A file that is no strict YAML is left alone, and its problems are printed.

With --check nothing is written, and the exit code is 1 if something would be.`,
		Example: `  starter fmt playbooks
  starter fmt --check playbooks
  starter fmt - < draft.yaml`,
		Args: arguments("[FILE|FOLDER...]"),
	}
	cmd.Flags().BoolVar(&check, "check", false, "write nothing; list what is not in its layout, with exit code 1")
	cmd.RunE = func(cmd *cobra.Command, names []string) error {
		if len(names) == 1 && names[0] == "-" {
			return a.fmtInput(check)
		}
		if len(names) == 0 && a.playbooks != "" {
			names = []string{a.playbooks}
		}
		if len(names) == 0 {
			return usagef(cmd, "want files or folders, or - for standard input")
		}
		files, err := playbookFiles(names)
		if err != nil {
			return err
		}
		out := fmtJSON{Files: []fmtFileJSON{}, Problems: playbook.Problems{}}
		for _, file := range files {
			changed, problems, err := format(file, !check)
			if err != nil {
				return err
			}
			out.Problems = append(out.Problems, problems...)
			out.Files = append(out.Files, fmtFileJSON{file, changed})
		}
		return a.printFmt(out, check)
	}
	return cmd
}

type fmtJSON struct {
	Files    []fmtFileJSON     `json:"files"`
	Problems playbook.Problems `json:"problems"`
}

type fmtFileJSON struct {
	File string `json:"file"`
	// Changed is true if the file was not in its layout; with --check it still is not.
	Changed bool `json:"changed"`
}

func (a *app) printFmt(out fmtJSON, check bool) error {
	changed := 0
	for _, f := range out.Files {
		if !f.Changed {
			continue
		}
		changed++
		if !a.json() {
			if err := a.print("%s", word(f.File)); err != nil {
				return err
			}
		}
	}
	if a.json() {
		if err := a.printJSON(out); err != nil {
			return err
		}
	} else {
		for _, p := range out.Problems {
			a.say("%s", line(p))
		}
	}
	done := "formatted"
	if check {
		done = "not in the layout"
	}
	a.say("%s of %d %s", count(changed, "playbook", "playbooks"), len(out.Files), done)
	if len(out.Problems) > 0 || check && changed > 0 {
		return told(exitRefused)
	}
	return nil
}

// fmtInput formats what an editor sends.
func (a *app) fmtInput(check bool) error {
	if a.In == nil {
		return refuse(errors.New("read the playbook: there is no standard input"), "")
	}
	text, err := io.ReadAll(io.LimitReader(a.In, playbook.MaxSize+1))
	if err != nil {
		return refuse(fmt.Errorf("read the playbook of standard input: %w", err), "")
	}
	formatted, problems := playbook.Format("-", text)
	changed := len(problems) == 0 && !bytes.Equal(text, formatted)
	switch {
	case a.json():
		err = a.printJSON(struct {
			fmtJSON

			Text string `json:"text,omitempty"`
		}{fmtJSON{[]fmtFileJSON{{"-", changed}}, append(playbook.Problems{}, problems...)}, string(formatted)})
	case !check:
		_, err = a.out.Write(formatted)
	}
	for _, p := range problems {
		a.say("%s", line(p))
	}
	if err == nil && (len(problems) > 0 || check && changed) {
		err = told(exitRefused)
	}
	return err
}

// playbookFiles lists the playbooks of files and folders. It goes through no link inside a folder.
func playbookFiles(names []string) ([]string, error) {
	var files []string
	for _, name := range names {
		err := filepath.WalkDir(name, func(file string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case file != name && strings.HasPrefix(d.Name(), "."):
				if d.IsDir() {
					return fs.SkipDir
				}
			case d.IsDir(), strings.HasSuffix(file, "_test.yaml"):
			case file == name || strings.HasSuffix(file, ".yaml") && d.Type().IsRegular():
				files = append(files, file)
			}
			return nil
		})
		if err != nil {
			return nil, refuse(fmt.Errorf("read the playbooks: %w", err), "")
		}
	}
	return files, nil
}

// format formats one file, and writes it if it changed: beside the file first, so that whoever reads
// meanwhile finds the old text or the new one and nothing between.
func format(file string, write bool) (changed bool, problems playbook.Problems, err error) {
	fail := func(err error) (bool, playbook.Problems, error) {
		return false, nil, refuse(fmt.Errorf("format %s: %w", file, err), "")
	}
	target, err := filepath.EvalSymlinks(file)
	if err != nil {
		return fail(err)
	}
	info, err := os.Stat(target)
	if err != nil {
		return fail(err)
	}
	if !info.Mode().IsRegular() {
		return fail(errors.New("it is not a regular file"))
	}
	f, err := os.Open(target)
	if err != nil {
		return fail(err)
	}
	text, err := io.ReadAll(io.LimitReader(f, playbook.MaxSize+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return fail(err)
	}
	formatted, problems := playbook.Format(filepath.ToSlash(file), text)
	if len(problems) > 0 || bytes.Equal(text, formatted) {
		return false, problems, nil
	}
	if write {
		err = replace(target, formatted, info.Mode().Perm())
	}
	if err != nil {
		return fail(err)
	}
	return true, nil, nil
}

func replace(file string, text []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".fmt-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(mode), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
