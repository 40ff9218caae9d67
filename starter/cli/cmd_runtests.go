package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/playbooks"
	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/starter/gateway"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/playtest"
)

// testFlags are the flags of test.
type testFlags struct {
	only     string
	cover    bool
	coverMin int
}

func (a *app) test() *cobra.Command {
	var f testFlags
	cmd := &cobra.Command{
		Use:   "test [FILE|FOLDER...]",
		Short: "Run the tests beside playbooks, offline and at once, and say what they cover",
		Long: `Run the tests beside playbooks, offline and at once, and say what they cover.

The tests of NAME.yaml are in NAME_test.yaml beside it. They run the real workflow with the real
checks; activities and people answer what the test says, and a week's wait passes at once. Without
arguments it tests the folder of --playbooks, or the library that ships.

An event that a test names is looked for in the folder of the test, then in the folder around it,
and so on up.

--cover counts the steps that some test takes, and the branches: conditions that hold and that do
not, the cases of a switch, approvals that are given and that are not. With --cover-min a playbook
without tests covers nothing. Exit code 1 if a test fails, or a playbook is below the least.`,
		Example: `  starter test
  starter test --cover --cover-min 100 playbooks
  starter test --run nobody playbooks/run/aws-compromised-access-key.yaml
  starter test -o json --cover`,
		Args: arguments("[FILE|FOLDER...]"),
	}
	flags := cmd.Flags()
	flags.StringVar(&f.only, "run", "", "only tests whose PLAYBOOK: NAME matches this regular expression")
	flags.BoolVar(&f.cover, "cover", false, "say how much of each playbook the tests take, and what they do not")
	flags.IntVar(&f.coverMin, "cover-min", 0, "least percentage of each playbook that tests must take; implies --cover")
	cmd.RunE = func(cmd *cobra.Command, names []string) error {
		only, err := regexp.Compile(f.only)
		if err != nil {
			return usagef(cmd, "--run %q: %v", f.only, err)
		}
		if f.coverMin < 0 || f.coverMin > 100 {
			return usagef(cmd, "--cover-min %d: want 0 to 100", f.coverMin)
		}
		f.cover = f.cover || f.coverMin > 0
		return a.runTests(names, f, only)
	}
	return cmd
}

// testedJSON is the document of test.
type testedJSON struct {
	Problems  playbook.Problems `json:"problems"` // of the playbooks and the files of tests
	Playbooks []testedPlaybook  `json:"playbooks"`
}

// testedPlaybook is what the tests of one playbook said.
type testedPlaybook struct {
	Playbook string       `json:"playbook"`
	File     string       `json:"file"`
	TestFile string       `json:"test_file,omitempty"` // none: there are no tests
	Tests    []testedTest `json:"tests"`
	Coverage *coverJSON   `json:"coverage,omitempty"`
}

type testedTest struct {
	playtest.Result

	Passed bool `json:"passed"`
}

type coverJSON struct {
	playtest.Coverage

	Percent int  `json:"percent"`
	Enough  bool `json:"enough"` // not below --cover-min
}

func (a *app) runTests(names []string, f testFlags, only *regexp.Regexp) error {
	l, problems, err := a.read(names...)
	if err != nil {
		return err
	}
	shipped := len(names) == 0 && a.playbooks == ""
	out := testedJSON{Problems: append(playbook.Problems{}, problems...), Playbooks: []testedPlaybook{}}
	ran, failed, thin := 0, 0, 0
	for _, pb := range l.Playbooks() {
		one := testedPlaybook{Playbook: pb.Name, File: l.File(pb), Tests: []testedTest{}}
		results, err := a.testPlaybook(&one, pb, shipped, only)
		var broken playbook.Problems
		if errors.As(err, &broken) {
			out.Problems = append(out.Problems, broken...)
		} else if err != nil {
			return err
		}
		for _, r := range results {
			ran++
			if !r.Passed() {
				failed++
			}
			one.Tests = append(one.Tests, testedTest{r, r.Passed()})
		}
		if f.cover {
			c := playtest.Cover(pb, results)
			one.Coverage = &coverJSON{c, c.Percent(), c.Percent() >= f.coverMin}
			if !one.Coverage.Enough {
				thin++
			}
		}
		out.Playbooks = append(out.Playbooks, one)
	}
	if a.json() {
		err = a.printJSON(out)
	} else {
		err = a.printTested(out)
	}
	if err != nil {
		return err
	}
	return a.summary(out, f, ran, failed, thin)
}

// summary says in a line how it went, and gives the exit code.
func (a *app) summary(out testedJSON, f testFlags, ran, failed, thin int) error {
	for _, one := range out.Playbooks {
		if c := one.Coverage; c != nil && !c.Enough {
			a.say("%s: the tests take %d %%; want at least %d %%", one.Playbook, c.Percent, f.coverMin)
		}
	}
	tests := count(ran, "test", "tests")
	switch {
	case len(out.Problems) > 0:
		a.say("%s; %s ran, %d failed", count(len(out.Problems), "problem", "problems"), tests, failed)
	case failed > 0:
		a.say("%d of %s failed", failed, tests)
	case ran == 0 && f.only != "":
		return refuse(fmt.Errorf("no test matches --run %q", f.only), "--run is a regular expression over PLAYBOOK: NAME")
	case ran == 0:
		a.say("no tests")
	default:
		a.say("%s passed", tests)
	}
	if len(out.Problems) > 0 || failed > 0 || thin > 0 {
		return told(exitRefused)
	}
	return nil
}

// testPlaybook runs the tests of one playbook; one without tests has no results.
func (a *app) testPlaybook(one *testedPlaybook, pb *playbook.Playbook, shipped bool, only *regexp.Regexp) ([]playtest.Result, error) {
	file := playtest.File(one.File)
	var lib fs.FS = shippedFiles{}
	if !shipped {
		lib = besides{file}
	}
	if _, err := fs.Stat(lib, file); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	one.TestFile = file
	return playtest.Run(lib, file, pb, playtest.Options{
		Registry: a.registry, Workflows: a.flows, Normalise: gateway.Normalise,
		Only: func(name string) bool { return only.MatchString(pb.Name + ": " + name) },
	})
}

func (a *app) printTested(out testedJSON) error {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for _, p := range out.Problems {
		add("%s", line(p))
	}
	for _, one := range out.Playbooks {
		for _, t := range one.Tests {
			verdict := "ok  "
			if !t.Passed {
				verdict = "FAIL"
			}
			add("%s  %s: %s", verdict, one.Playbook, cleaned(t.Name))
			for _, p := range t.Failures {
				add("      %s", line(p))
			}
		}
		if one.TestFile == "" {
			add("none  %s: no tests; they go into %s", one.Playbook, card.Exact(playtest.File(one.File)))
		}
	}
	for _, one := range out.Playbooks {
		c := one.Coverage
		if c == nil {
			continue
		}
		add("%3d %%  %s: %d of %s, %d of %s", c.Percent, one.Playbook,
			c.StepsTaken, count(c.Steps, "step", "steps"), c.BranchesTaken, count(c.Branches, "branch", "branches"))
		for _, u := range c.Untaken {
			add("       %s:%d:%d: no test takes %s", cleaned(one.File), u.Line, u.Column, u)
		}
	}
	for _, text := range lines {
		if err := a.print("%s", text); err != nil {
			return err
		}
	}
	return nil
}

// shippedFiles is what is embedded, playbooks and events together.
type shippedFiles struct{}

func (shippedFiles) Open(name string) (fs.File, error) {
	f, err := playbooks.Files.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return playbooks.Events.Open(name)
	}
	return f, err
}

// besides is a file of tests and the events that it names, which are beside it or further up.
type besides struct{ tests string }

// Open implements fs.FS.
func (b besides) Open(name string) (fs.File, error) {
	if name == b.tests {
		return openPlain(name, playbook.MaxSize)
	}
	refused := &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	if !fs.ValidPath(name) {
		return nil, refused
	}
	folder, err := filepath.Abs(filepath.Dir(b.tests))
	if err != nil {
		return nil, fmt.Errorf("find the folder of %s: %w", b.tests, err)
	}
	for {
		f, err := openPlain(filepath.Join(folder, filepath.FromSlash(name)), event.MaxSize)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
		up := filepath.Dir(folder)
		if up == folder {
			refused.Err = fs.ErrNotExist
			return nil, refused
		}
		folder = up
	}
}

// openPlain opens a file of a bounded size, and nothing that is not a file, such as a device.
func openPlain(name string, most int64) (fs.File, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("it is not a regular file")}
	case info.Size() > most:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fmt.Errorf("it is %d bytes; at most %d are read", info.Size(), most)}
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	return bounding{f, io.LimitReader(f, most+1)}, nil // it may have grown
}

// bounding is a file of which only a part is read.
type bounding struct {
	*os.File

	reader io.Reader
}

func (b bounding) Read(p []byte) (int, error) { return b.reader.Read(p) }
