package standin

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
)

// File is something that was uploaded.
type File struct {
	ID, Name, Title string
	Channel, Thread string // where it was shared; "" is nowhere yet
	Content         []byte
	length          int
}

// Files are those that were shared in a channel.
func (s *Server) Files(channel string) []File {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []File
	for _, f := range s.files {
		if f.Channel == channel {
			out = append(out, *f)
		}
	}
	return out
}

func (s *Server) uploadURL(c *call) (object, *refusal) {
	n, err := strconv.Atoi(c.str("length"))
	if err != nil || n <= 0 || c.str("filename") == "" {
		return nil, no("invalid_arguments")
	}
	f := &File{ID: s.id("F"), Name: c.str("filename"), length: n}
	s.files[f.ID] = f
	return object{"upload_url": s.base + "/upload/" + f.ID, "file_id": f.ID}, nil
}

// upload takes the content of a file, bare or as a form with the field "file".
func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	var in io.Reader = r.Body
	if file, _, err := r.FormFile("file"); err == nil {
		defer file.Close()
		in = file
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxRequest))
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.files[r.PathValue("id")]
	if err != nil || !ok || len(raw) != f.length {
		http.Error(w, "not the file that was announced", http.StatusBadRequest)
		return
	}
	f.Content = raw
	_, _ = io.WriteString(w, "OK - "+strconv.Itoa(len(raw))) // a caller who is gone hears nothing
}

func (s *Server) completeUpload(c *call) (object, *refusal) {
	var files []struct{ ID, Title string }
	tree, _, ok := c.tree("files")
	raw, err := json.Marshal(tree)
	if !ok || err != nil || json.Unmarshal(raw, &files) != nil || len(files) == 0 {
		return nil, no("invalid_arguments")
	}
	channel := c.str("channel_id")
	if channel != "" {
		ch, refused := s.visible(channel)
		if refused != nil {
			return nil, refused
		}
		if ch.NoApp {
			return nil, no("not_in_channel")
		}
	}
	out := []any{}
	for _, given := range files {
		f, ok := s.files[given.ID]
		if !ok || f.Content == nil {
			return nil, no("file_not_found")
		}
		f.Title, f.Channel, f.Thread = given.Title, channel, c.str("thread_ts")
		out = append(out, object{"id": f.ID, "title": f.Title})
	}
	return object{"files": out}, nil
}
