package cli

import (
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/countersign/countersign/starter/library"
	"github.com/countersign/countersign/workflows/playbook"
)

// The part of SARIF 2.1.0 that problems need:
// https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/sarif-v2.1.0-errata01-os-complete.html
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool struct {
			Driver sarifDriver `json:"driver"`
		} `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version,omitempty"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string    `json:"id"`
		ShortDescription sarifText `json:"shortDescription"`
		FullDescription  sarifText `json:"fullDescription"`
		Default          struct {
			Level string `json:"level"`
		} `json:"defaultConfiguration"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
	}
)

// sarifOf writes problems as one run of this tool.
func sarifOf(problems playbook.Problems) sarifLog {
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	driver := sarifDriver{Name: "starter validate"}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "(devel)" {
		driver.Version = info.Main.Version
	}
	index := map[string]int{}
	for _, rule := range library.Rules() {
		index[rule.ID] = len(driver.Rules)
		one := sarifRule{ID: rule.ID, ShortDescription: sarifText{rule.Description}, FullDescription: sarifText{rule.Why}}
		one.Default.Level = "error"
		driver.Rules = append(driver.Rules, one)
	}
	for _, p := range problems {
		run.Results = append(run.Results, sarifResult{
			RuleID: p.Rule, RuleIndex: index[p.Rule], Level: "error", Message: sarifText{sarifMessage(p.Message)},
			Locations: []sarifLocation{{sarifPhysical{sarifArtifact{sarifURI(p.File)}, sarifRegion{p.Line, p.Column}}}},
		})
	}
	run.Tool.Driver = driver
	return sarifLog{
		Schema:  "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
		Version: "2.1.0", Runs: []sarifRun{run},
	}
}

// sarifMessage is text that means itself: SARIF reads {0} as a placeholder (3.11.5) and [a](b) as a
// link (3.11.6), and messages quote what files hold.
func sarifMessage(s string) string {
	return strings.NewReplacer("{", "{{", "}", "}}", "](", "] (").Replace(cleaned(s))
}

// sarifURI is the name of a file as a relative reference.
func sarifURI(file string) string {
	name := filepath.FromSlash(file)
	if here, err := os.Getwd(); err == nil && filepath.IsAbs(name) {
		if rel, err := filepath.Rel(here, name); err == nil {
			name = rel
		}
	}
	// URL.String would put ./ before a colon in the first segment, as a reference must have it.
	return (&url.URL{Path: filepath.ToSlash(name)}).String()
}
