package standin

import "time"

// Bucket is an S3 bucket. What is in it does not matter here.
type Bucket struct {
	Created time.Time `json:"created"`
	// Block is its own public access block; nil where there is none, which blocks nothing.
	Block *PublicAccessBlock `json:"block,omitempty"`
	// Policy is its policy document; "" where there is none.
	Policy string `json:"policy,omitempty"`
	// Grants are those of its ACL beside the owner's own.
	Grants []Grant           `json:"grants,omitempty"`
	Tags   map[string]string `json:"tags,omitempty"`
}

// PublicAccessBlock is the four switches of a public access block.
type PublicAccessBlock struct {
	BlockPublicAcls       bool `json:"block_public_acls"`
	IgnorePublicAcls      bool `json:"ignore_public_acls"`
	BlockPublicPolicy     bool `json:"block_public_policy"`
	RestrictPublicBuckets bool `json:"restrict_public_buckets"`
}

// Grant lets a group or an account at a bucket by its ACL: exactly one of Group and Account is set.
type Grant struct {
	Group      string `json:"group,omitempty"`   // URI, as http://acs.amazonaws.com/groups/global/AllUsers
	Account    string `json:"account,omitempty"` // canonical user id
	Permission string `json:"permission"`        // READ, WRITE, READ_ACP, WRITE_ACP, FULL_CONTROL
}
