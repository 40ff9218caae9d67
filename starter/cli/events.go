package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/countersign/countersign/starter/gateway"
	"github.com/countersign/countersign/workflows/event"
)

const eventHint = "want one event, as JSON, as EventBridge, GitHub or Alertmanager sends it or as CloudEvents 1.0 has it"

// events reads what a source sent from a file, or from In if the name is "-": one event, or as many
// as there are matters in it. It never reads more than an event may have.
func (a *app) events(name string) ([]event.Event, error) {
	var raw []byte
	var err error
	if name == "-" {
		name = "standard input"
		if a.In == nil {
			return nil, refuse(errors.New("read the event: there is no standard input"), "")
		}
		raw, err = bounded(a.In)
	} else {
		raw, err = readFile(name)
	}
	if err == nil && len(bytes.TrimSpace(raw)) == 0 {
		err = errors.New("it is empty")
	}
	if err != nil {
		return nil, refuse(fmt.Errorf("read the event of %s: %w", name, err), eventHint)
	}
	events, err := gateway.NormaliseAll(raw)
	if err != nil {
		return nil, refuse(fmt.Errorf("%s: %w", name, err), eventHint)
	}
	return events, nil
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			err = path.Err // the caller names the file
		}
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, errors.New("it is a folder")
	case info.Size() > event.MaxSize:
		return nil, fmt.Errorf("it is %d bytes; at most %d are taken", info.Size(), event.MaxSize)
	}
	return bounded(f)
}

func bounded(r io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, event.MaxSize+1))
	if err == nil && len(raw) > event.MaxSize {
		err = fmt.Errorf("it has more than %d bytes, which is the most that is taken", event.MaxSize)
	}
	return raw, err
}
