package standin

import (
	"regexp"
	"slices"
	"strings"
)

var secretsOperations = map[string]operation{
	"GetSecretValue":           {run: getSecretValue},
	"DescribeSecret":           {run: describeSecret, effect: advances},
	"RotateSecret":             {run: rotateSecret, effect: changes},
	"UpdateSecretVersionStage": {run: updateSecretVersionStage, effect: changes},
}

func noSecret() *failure {
	return bad("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

// secret finds a secret by its name, or by its ARN with or without the suffix.
func (c *call) secret() (name, arn string, _ *StoredSecret, _ error) {
	in := struct{ SecretID string }{}
	if refused := c.into(&in); refused != nil {
		return "", "", nil, refused
	}
	prefix := "arn:aws:secretsmanager:" + c.region + ":" + c.caller.Account + ":secret:"
	for _, name := range sorted(c.here().Secrets) {
		s := c.here().Secrets[name]
		whole := prefix + name + "-" + s.Suffix
		if in.SecretID == name || in.SecretID == whole || in.SecretID == strings.TrimSuffix(whole, "-"+s.Suffix) {
			return name, whole, s, nil
		}
	}
	return "", "", nil, noSecret()
}

func getSecretValue(c *call) (any, error) {
	name, arn, s, err := c.secret()
	if err != nil {
		return nil, err
	}
	id := s.at(secretCurrent)
	v := s.versions()[id]
	out := map[string]any{"ARN": arn, "Name": name, "VersionId": id, "VersionStages": v.Stages, "CreatedDate": seconds(c.now)}
	if s.Binary {
		out["SecretBinary"] = []byte(v.Value)
	} else {
		out["SecretString"] = v.Value
	}
	return out, nil
}

// describeSecret tells everything but the value. A rotation under way is over with the second look at it.
func describeSecret(c *call) (any, error) {
	name, arn, s, err := c.secret()
	if err != nil {
		return nil, err
	}
	stages := map[string][]string{}
	for id, v := range s.versions() {
		if len(v.Stages) > 0 {
			stages[id] = slices.Clone(v.Stages)
		}
	}
	tags := []any{}
	for _, key := range sorted(s.Tags) {
		tags = append(tags, map[string]string{"Key": key, "Value": s.Tags[key]})
	}
	out := map[string]any{"ARN": arn, "Name": name, "VersionIdsToStages": stages, "Tags": tags, "RotationEnabled": s.RotationFunction != "" && !s.RotationOff}
	if s.RotationFunction != "" {
		out["RotationLambdaARN"] = s.RotationFunction
	}
	if s.Deleted != nil {
		out["DeletedDate"] = seconds(*s.Deleted)
	}
	if pending := s.at(secretPending); pending != "" && pending != s.at(secretCurrent) && !s.RotationFails {
		s.finish(pending)
		c.changed = true
	}
	return out, nil
}

var secretToken = regexp.MustCompile(`^[a-zA-Z0-9-]{32,64}$`)

func rotateSecret(c *call) (any, error) {
	name, arn, s, err := c.secret()
	if err != nil {
		return nil, err
	}
	in := struct{ ClientRequestToken string }{}
	if refused := c.into(&in); refused != nil {
		return nil, refused
	}
	token := in.ClientRequestToken
	pending := s.at(secretPending)
	switch out := map[string]any{"ARN": arn, "Name": name, "VersionId": token}; {
	case !secretToken.MatchString(token):
		return nil, bad("InvalidParameterException", "ClientRequestToken must be 32-64 characters long.")
	case s.Deleted != nil:
		return nil, bad("InvalidRequestException", "You can't perform this operation on the secret because it was marked for deletion.")
	case s.versions()[token] != nil:
		return out, nil // the same request again
	case s.RotationFunction == "":
		return nil, bad("InvalidRequestException", "No Lambda rotation function ARN is associated with this secret.")
	case pending != "" && pending != s.at(secretCurrent):
		return nil, bad("InvalidRequestException", "A previous rotation isn't complete. That rotation will be reattempted.")
	default:
		s.Versions, s.Value = s.versions(), ""
		if pending != "" {
			s.drop(pending, secretPending)
		}
		s.Versions[token] = &SecretVersion{Value: "rotated " + token, Stages: []string{secretPending}}
		c.changed = true
		return out, nil
	}
}

// updateSecretVersionStage moves a label from a version to another. What AWSCURRENT is taken from becomes AWSPREVIOUS.
func updateSecretVersionStage(c *call) (any, error) {
	name, arn, s, err := c.secret()
	if err != nil {
		return nil, err
	}
	in := struct{ VersionStage, MoveToVersionID, RemoveFromVersionID string }{}
	if refused := c.into(&in); refused != nil {
		return nil, refused
	}
	s.Versions, s.Value = s.versions(), ""
	on := s.at(in.VersionStage)
	switch {
	case in.MoveToVersionID != "" && s.Versions[in.MoveToVersionID] == nil:
		return nil, bad("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for VersionId: %s", in.MoveToVersionID)
	case in.RemoveFromVersionID != on:
		return nil, bad("InvalidParameterException", "The parameter RemoveFromVersionId must be the version that %s is on, %q.", in.VersionStage, on)
	case in.MoveToVersionID == "" && in.VersionStage == secretCurrent:
		return nil, bad("InvalidParameterException", "You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed.")
	}
	if on == in.MoveToVersionID {
		return map[string]string{"ARN": arn, "Name": name}, nil
	}
	s.move(in.VersionStage, in.MoveToVersionID)
	c.changed = true
	return map[string]string{"ARN": arn, "Name": name}, nil
}
