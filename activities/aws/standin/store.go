package standin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// storeVersion is the version of the file's layout.
const storeVersion = 1

// stored is the file: the state with the mutations that led to it.
type stored struct {
	Version   int        `json:"version"`
	State     *State     `json:"state"`
	Mutations []Mutation `json:"mutations"`
}

// load reads the file; ok is false when there is none yet.
func load(path string) (_ stored, ok bool, _ error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return stored{}, false, nil
	}
	if err != nil {
		return stored{}, false, fmt.Errorf("read the stand-in's state: %w", err)
	}
	var in stored
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil {
		return stored{}, false, fmt.Errorf("read the stand-in's state from %s: %w", path, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return stored{}, false, fmt.Errorf("read the stand-in's state from %s: more follows after the state", path)
	}
	if in.Version != storeVersion {
		return stored{}, false, fmt.Errorf("read the stand-in's state from %s: layout version is %d, this program reads %d", path, in.Version, storeVersion)
	}
	if in.State == nil {
		return stored{}, false, fmt.Errorf("read the stand-in's state from %s: no state in it", path)
	}
	if err := in.State.check(); err != nil {
		return stored{}, false, fmt.Errorf("read the stand-in's state from %s: %w", path, err)
	}
	return in, true, nil
}

// save writes the file so that a crash at any moment leaves either the old one or the new one.
func save(path string, out stored) (err error) {
	out.Version = storeVersion
	raw, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return fmt.Errorf("write the stand-in's state: %w", err)
	}
	dir := filepath.Dir(path)
	// CreateTemp makes the file with mode 0600, which rename keeps.
	tmp, err := os.CreateTemp(dir, filepath.Base(path)+".tmp-*")
	if err != nil {
		return fmt.Errorf("write the stand-in's state: %w", err)
	}
	defer func() {
		if err != nil {
			_ = tmp.Close() // closed already on some ways here
			_ = os.Remove(tmp.Name())
			err = fmt.Errorf("write the stand-in's state: %w", err)
		}
	}()
	if _, err := tmp.Write(append(raw, '\n')); err != nil {
		return err
	}
	if err := tmp.Sync(); err != nil {
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	// The new name is on disk only when the folder is. Where a folder cannot be synced the rename
	// still stands, so this is best effort.
	if d, openErr := os.Open(dir); openErr == nil {
		_ = d.Sync()
		_ = d.Close()
	}
	return nil
}
