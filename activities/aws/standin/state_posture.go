package standin

import "time"

// Recorder is a configuration recorder of AWS Config.
type Recorder struct {
	Role      string `json:"role"` // ARN of the role it looks with
	Recording bool   `json:"recording,omitempty"`
	Failed    string `json:"failed,omitempty"` // the error code of its last delivery; "" is none
	// Some says that it records some types of resources, not all of them.
	Some []string `json:"some,omitempty"`
}

// Analyzer is an analyzer of IAM Access Analyzer.
type Analyzer struct {
	Type    string    `json:"type"`   // ACCOUNT, ORGANIZATION, ACCOUNT_UNUSED_ACCESS, ...
	Status  string    `json:"status"` // ACTIVE, CREATING, DISABLED, FAILED
	Created time.Time `json:"created"`
}

// Contact is an alternate contact of an account.
type Contact struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	Email string `json:"email"`
	Phone string `json:"phone"`
}
