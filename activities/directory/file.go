package directory

import (
	"fmt"

	"github.com/countersign/countersign/activities/fresh"
)

// File returns a function that reads a directory file at every call, as package fresh does: one
// that cannot be read or has a mistake is an error, also if it was well before. Who may vote is then
// not known.
func File(file string) func() (Directory, error) {
	current := fresh.File(file, maxSize, Parse)
	return func() (Directory, error) {
		d, err := current()
		if err != nil {
			return Directory{}, fmt.Errorf("read the directory of approvers: %w", err)
		}
		return d, nil
	}
}
