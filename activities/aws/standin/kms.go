package standin

import (
	"regexp"
	"strings"
)

// maxKeys is how many keys, or tags of one, an answer lists where the request does not say.
const maxKeys = 100

var kmsOperations = map[string]operation{
	"ListKeys":             {run: listKeys},
	"DescribeKey":          {run: describeKey},
	"GetKeyRotationStatus": {run: getKeyRotationStatus},
	"ListResourceTags":     {run: listResourceTags},
	"DisableKey":           {run: switchKey(false), effect: changes},
	"EnableKey":            {run: switchKey(true), effect: changes},
}

var keyForm = regexp.MustCompile(`^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32})$`)

func (c *call) keyARN(id string) string {
	return "arn:aws:kms:" + c.region + ":" + c.caller.Account + ":key/" + id
}

// key finds the key that a request names by id or ARN.
func (c *call) key() (string, *Key, error) {
	in := struct{ KeyID string }{}
	if refused := c.into(&in); refused != nil {
		return "", nil, refused
	}
	id := in.KeyID
	if strings.HasPrefix(id, "arn:") {
		if id = strings.TrimPrefix(id, c.keyARN("")); id == in.KeyID {
			return "", nil, bad("NotFoundException", "Invalid arn %s", in.KeyID)
		}
	}
	if !keyForm.MatchString(id) {
		return "", nil, bad("NotFoundException", "Invalid keyId '%s'", in.KeyID)
	}
	if k := c.here().Keys[id]; k != nil {
		return id, k, nil
	}
	return "", nil, bad("NotFoundException", "Key '%s' does not exist", c.keyARN(id))
}

// size reads how many a page holds.
func (c *call) size(most int) (size int, marker string, _ error) {
	in := struct {
		Limit  *int
		Marker string
	}{}
	if refused := c.into(&in); refused != nil {
		return 0, "", refused
	}
	if in.Limit == nil {
		return most, in.Marker, nil
	}
	if *in.Limit < 1 || *in.Limit > 1000 {
		return 0, "", bad("ValidationException", "1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint", *in.Limit)
	}
	return *in.Limit, in.Marker, nil
}

func listKeys(c *call) (any, error) {
	size, marker, err := c.size(maxKeys)
	if err != nil {
		return nil, err
	}
	ids, next, ok := page(sorted(c.here().Keys), marker, size)
	if !ok {
		return nil, bad("InvalidMarkerException", "The marker is not valid")
	}
	list := []any{}
	for _, id := range ids {
		list = append(list, map[string]string{"KeyId": id, "KeyArn": c.keyARN(id)})
	}
	out := map[string]any{"Keys": list, "Truncated": next != ""}
	if next != "" {
		out["NextMarker"] = next
	}
	return out, nil
}

func describeKey(c *call) (any, error) {
	id, k, err := c.key()
	if err != nil {
		return nil, err
	}
	out := map[string]any{
		"AWSAccountId": c.caller.Account, "KeyId": id, "Arn": c.keyARN(id), "CreationDate": seconds(k.Created), "Description": k.Description,
		"KeyState": k.state(), "Enabled": k.state() == keyEnabled, "KeyManager": "CUSTOMER", "KeyUsage": k.usage(), "KeySpec": k.spec(),
		"CustomerMasterKeySpec": k.spec(), "Origin": k.origin(), "MultiRegion": strings.HasPrefix(id, "mrk-"),
	}
	if k.AWSManaged {
		out["KeyManager"] = "AWS"
	}
	if k.Deletion != nil {
		out["DeletionDate"] = seconds(*k.Deletion)
	}
	return map[string]any{"KeyMetadata": out}, nil
}

func getKeyRotationStatus(c *call) (any, error) {
	id, k, err := c.key()
	switch {
	case err != nil:
		return nil, err
	case k.state() == keyPendingDeletion:
		return nil, bad("KMSInvalidStateException", "%s is pending deletion.", c.keyARN(id))
	case k.spec() != symmetric || k.origin() == "EXTERNAL":
		return nil, bad("UnsupportedOperationException", "GetKeyRotationStatus is not supported for this key")
	}
	out := map[string]any{"KeyId": c.keyARN(id), "KeyRotationEnabled": k.Rotated}
	if k.Rotated {
		out["RotationPeriodInDays"] = 365
	}
	return out, nil
}

func listResourceTags(c *call) (any, error) {
	_, k, err := c.key()
	if err != nil {
		return nil, err
	}
	size, marker, err := c.size(50)
	if err != nil {
		return nil, err
	}
	names, next, ok := page(sorted(k.Tags), marker, size)
	if !ok {
		return nil, bad("InvalidMarkerException", "The marker is not valid")
	}
	list := []any{}
	for _, name := range names {
		list = append(list, map[string]string{"TagKey": name, "TagValue": k.Tags[name]})
	}
	out := map[string]any{"Tags": list, "Truncated": next != ""}
	if next != "" {
		out["NextMarker"] = next
	}
	return out, nil
}

// switchKey enables or disables a key. AWS managed keys cannot be, nor those that wait for deletion.
func switchKey(on bool) func(*call) (any, error) {
	return func(c *call) (any, error) {
		id, k, err := c.key()
		switch {
		case err != nil:
			return nil, err
		case k.AWSManaged:
			return nil, bad("AccessDeniedException", "User: %s is not authorized to perform: kms:%s on resource: %s", c.caller.ARN, c.action, c.keyARN(id))
		case k.state() == keyPendingDeletion:
			return nil, bad("KMSInvalidStateException", "%s is pending deletion.", c.keyARN(id))
		}
		if (k.state() == keyEnabled) != on {
			k.Disabled, c.changed = !on, true
		}
		return nil, nil
	}
}
