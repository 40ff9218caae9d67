package standin

// ScalingGroup is an Auto Scaling group, by its name.
type ScalingGroup struct {
	Min     int `json:"min"`
	Max     int `json:"max"`
	Desired int `json:"desired"`
	// Instances are its members, by id. One that stands by is a member that does not count.
	Instances map[string]*ScalingMember `json:"instances,omitempty"`
	Tags      map[string]string         `json:"tags,omitempty"`
}

// ScalingMember is an instance of a group.
type ScalingMember struct {
	State string `json:"state"` // InService, EnteringStandby, Standby, Pending, ...
}

// TargetGroup is a target group of Elastic Load Balancing, by its ARN.
type TargetGroup struct {
	Name     string            `json:"name"`
	Type     string            `json:"type"` // instance or ip
	Protocol string            `json:"protocol"`
	Port     int               `json:"port"`
	VPC      string            `json:"vpc"`
	Targets  []Target          `json:"targets,omitempty"`
	Tags     map[string]string `json:"tags,omitempty"`
}

// Target is one port of an instance or address that a target group sends to.
type Target struct {
	ID     string `json:"id"`
	Port   int    `json:"port"`
	Zone   string `json:"zone,omitempty"`
	Health string `json:"health"` // initial, healthy, unhealthy, draining
}
