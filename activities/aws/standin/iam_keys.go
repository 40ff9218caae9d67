package standin

func getAccessKeyLastUsed(c *call) (any, error) {
	id, err := c.required("AccessKeyId", accessKeyID)
	if err != nil {
		return nil, err
	}
	for _, name := range sorted(c.account().IAM.Users) {
		key := c.account().IAM.Users[name].AccessKeys[id]
		if key == nil {
			continue
		}
		// A key that was never used has no date, and "N/A" for the rest.
		used := elements{{"Region", "N/A"}, {"ServiceName", "N/A"}}
		if last := key.LastUsed; last != nil {
			used = elements{{"Region", last.Region}, {"ServiceName", last.Service}, {"LastUsedDate", iamTime(last.Time)}}
		}
		return elements{{"UserName", name}, {"AccessKeyLastUsed", used}}, nil
	}
	return nil, noSuchEntity("The Access Key with id %s cannot be found.", id)
}

func listAccessKeys(c *call) (any, error) {
	name, user, err := c.user(true)
	if err != nil {
		return nil, err
	}
	ids, rest, err := c.iamPage(sorted(user.AccessKeys))
	if err != nil {
		return nil, err
	}
	members := elements{}
	for _, id := range ids {
		key := user.AccessKeys[id]
		members = append(members, element{"member", elements{
			{"UserName", name}, {"AccessKeyId", id}, {"Status", key.Status}, {"CreateDate", iamTime(key.Created)},
		}})
	}
	return append(elements{{"AccessKeyMetadata", members}}, rest...), nil
}

// updateAccessKey knows the keys of users alone: the key id of a session (ASIA...) is not there, as
// in the real API.
func updateAccessKey(c *call) (any, error) {
	id, err := c.required("AccessKeyId", accessKeyID)
	if err != nil {
		return nil, err
	}
	status := c.params.str("Status")
	if status != active && status != inactive {
		return nil, constraint("Status", status, "Member must satisfy enum value set: [Active, Inactive]")
	}
	_, user, err := c.user(true)
	if err != nil {
		return nil, err
	}
	key := user.AccessKeys[id]
	if key == nil {
		return nil, noSuchEntity("The Access Key with id %s cannot be found.", id)
	}
	c.changed = key.Status != status
	key.Status = status
	return nil, nil
}

func deleteAccessKey(c *call) (any, error) {
	id, err := c.required("AccessKeyId", accessKeyID)
	if err != nil {
		return nil, err
	}
	_, user, err := c.user(true)
	if err != nil {
		return nil, err
	}
	if user.AccessKeys[id] == nil {
		return nil, noSuchEntity("The Access Key with id %s cannot be found.", id)
	}
	delete(user.AccessKeys, id)
	c.changed = true
	return nil, nil
}
