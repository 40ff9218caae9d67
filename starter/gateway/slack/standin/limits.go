package standin

import (
	"net/http"
	"strconv"
	"time"
)

// postBurst is how many messages a channel takes at once before it takes one a second.
const postBurst = 4

// limit refuses a call that comes too often, where [Options].Limits is set. A refused call does not
// count.
func (s *Server) limit(c *call, m method) *refusal {
	if !s.o.Limits {
		return nil
	}
	key, most, within := c.method, m.tier, time.Minute
	if m.tier == 0 {
		key, most, within = c.method+" "+c.str("channel"), postBurst, postBurst*time.Second
	}
	window := s.windows[key]
	for len(window) > 0 && c.now.Sub(window[0]) >= within {
		window = window[1:]
	}
	if len(window) >= most {
		s.windows[key] = window
		return throttled(window[0].Add(within).Sub(c.now))
	}
	s.windows[key] = append(window, c.now)
	return nil
}

// throttled is a 429; Slack counts in whole seconds.
func throttled(after time.Duration) *refusal {
	seconds := int((after + time.Second - 1) / time.Second)
	return &refusal{code: "ratelimited", status: http.StatusTooManyRequests, header: map[string]string{"Retry-After": strconv.Itoa(seconds)}}
}
