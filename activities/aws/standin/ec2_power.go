package standin

import (
	"maps"
	"slices"
	"strconv"
)

// leads are the states that instances pass through, and where these lead.
var leads = map[string]string{"pending": "running", "stopping": "stopped", "shutting-down": "terminated"}

func powerSettled(c *call) bool {
	for _, i := range c.here().Instances {
		if leads[i.State] != "" {
			return false
		}
	}
	return true
}

// advance moves an instance on that was shown on its way: the next look finds it there.
func (r *Region) advance(c *call, id string) {
	i := r.Instances[id]
	next := leads[i.State]
	if next == "" {
		return
	}
	i.State, c.changed = next, true
	if next != "terminated" {
		return
	}
	for _, d := range i.Devices {
		if d.DeleteOnTermination {
			delete(r.Volumes, d.Volume)
		}
	}
	i.Devices, i.InstanceProfile = nil, ""
	maps.DeleteFunc(r.NetworkInterfaces, func(_ string, n *NetworkInterface) bool {
		return n.Attachment != nil && n.Attachment.Instance == id && n.Attachment.DeviceIndex == 0
	})
	for _, n := range r.NetworkInterfaces {
		if n.Attachment != nil && n.Attachment.Instance == id {
			n.Attachment = nil
		}
	}
}

// power makes the operation that turns instances, which are all in one of the states from or in the
// way or at the end already, to a state.
func power(to string, from ...string) func(*call) (any, error) {
	return func(c *call) (any, error) {
		r := c.here()
		ids := unique(c.params.strs("InstanceId"))
		if len(ids) == 0 {
			return nil, bad("MissingParameter", "The request must contain the parameter InstanceId")
		}
		for _, id := range ids {
			switch i := r.Instances[id]; {
			case i == nil:
				return nil, anInstance.absent(id)
			case to == "shutting-down" && i.NoTermination && i.State != "terminated":
				return nil, bad("OperationNotPermitted", "The instance '%s' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.", id)
			case !slices.Contains(from, i.State) && i.State != to && i.State != leads[to]:
				return nil, bad("IncorrectInstanceState", "The instance '%s' is not in a state from which it can be changed to '%s'.", id, to)
			}
		}
		set := elements{}
		for _, id := range ids {
			i := r.Instances[id]
			was := i.State
			if slices.Contains(from, was) {
				i.State, c.changed = to, true
				if to == "pending" {
					i.Launched = c.now
				}
			}
			set = append(set, element{"item", elements{
				{"instanceId", id}, {"previousState", stateItem(was)}, {"currentState", stateItem(i.State)},
			}})
		}
		return elements{{"instancesSet", set}}, nil
	}
}

func stateItem(state string) elements {
	return elements{{"code", strconv.Itoa(instanceStates[state])}, {"name", state}}
}

func describeInstanceAttribute(c *call) (any, error) {
	id, i, err := one(c, anInstance, "InstanceId", c.here().Instances)
	if err != nil {
		return nil, err
	}
	if err := c.attribute("disableApiTermination"); err != nil {
		return nil, err
	}
	return elements{{"instanceId", id}, {"disableApiTermination", elements{{"value", i.NoTermination}}}}, nil
}

// modifyInstanceAttribute sets the protection against termination; the other attributes are not served.
func modifyInstanceAttribute(c *call) (any, error) {
	_, i, err := one(c, anInstance, "InstanceId", c.here().Instances)
	if err != nil {
		return nil, err
	}
	value := c.params.str("DisableApiTermination.Value")
	if value != "true" && value != "false" {
		return nil, bad("InvalidParameterCombination", "No attributes specified, or none that the stand-in serves: it serves DisableApiTermination")
	}
	if i.State == "terminated" {
		return nil, bad("IncorrectInstanceState", "The instance is not in a state in which it can be modified.")
	}
	c.changed = i.NoTermination != (value == "true")
	i.NoTermination = value == "true"
	return elements{{"return", true}}, nil
}
