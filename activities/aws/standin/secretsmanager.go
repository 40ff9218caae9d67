package standin

import "strings"

var secretsOperations = map[string]operation{
	"GetSecretValue": {run: getSecretValue},
}

// StoredSecret is a secret of Secrets Manager, in its current version.
type StoredSecret struct {
	// Suffix is the six characters that AWS adds to the name in the ARN.
	Suffix string `json:"suffix"`
	Value  string `json:"value"`
	// Binary says that the value was stored as bytes.
	Binary bool `json:"binary,omitempty"`
}

// getSecretValue finds a secret by its name, or by its ARN with or without the suffix.
func getSecretValue(c *call) (any, error) {
	in := struct {
		SecretID string `json:"SecretId"`
	}{}
	if refused := c.into(&in); refused != nil {
		return nil, refused
	}
	arn := "arn:aws:secretsmanager:" + c.region + ":" + c.caller.Account + ":secret:"
	for _, name := range sorted(c.here().Secrets) {
		s := c.here().Secrets[name]
		whole := arn + name + "-" + s.Suffix
		if in.SecretID != name && in.SecretID != whole && in.SecretID != strings.TrimSuffix(whole, "-"+s.Suffix) {
			continue
		}
		out := map[string]any{
			"ARN": whole, "Name": name, "VersionId": "a1b2c3d4-5678-90ab-cdef-EXAMPLE11111", "VersionStages": []string{"AWSCURRENT"}, "CreatedDate": seconds(c.now),
		}
		if s.Binary {
			out["SecretBinary"] = []byte(s.Value)
		} else {
			out["SecretString"] = s.Value
		}
		return out, nil
	}
	return nil, bad("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}
