package standin

import "time"

// ManagedHost is what Systems Manager knows of an instance with an agent.
type ManagedHost struct {
	Platform string `json:"platform"` // Linux, Windows, MacOS
	Ping     string `json:"ping"`     // Online, ConnectionLost, Inactive
	// Prints is what commands print on it, and Exits how they end.
	Prints string `json:"prints,omitempty"`
	Exits  int    `json:"exits,omitempty"`
}

// Document is a document of Systems Manager, by its name.
type Document struct {
	Version string `json:"version"`
	Content string `json:"content"`
}

// SentCommand is a command that was sent to a host, by its id.
type SentCommand struct {
	Document   string              `json:"document"`
	Version    string              `json:"version"`
	Instance   string              `json:"instance"`
	Comment    string              `json:"comment,omitempty"`
	Parameters map[string][]string `json:"parameters,omitempty"`
	Sent       time.Time           `json:"sent"`
	// Status is Pending, InProgress, Success or Failed. Each look at it moves it on.
	Status string `json:"status"`
}
