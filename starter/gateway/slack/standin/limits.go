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
	if m.tier == 0 {
		return s.limitPosts(c)
	}
	window := s.windows[c.method]
	for len(window) > 0 && c.now.Sub(window[0]) >= time.Minute {
		window = window[1:]
	}
	if len(window) >= m.tier {
		s.windows[c.method] = window
		return throttled(window[0].Add(time.Minute).Sub(c.now))
	}
	s.windows[c.method] = append(window, c.now)
	return nil
}

// limitPosts keeps of each channel when it would have been quiet, were all that was posted sent a second
// apart.
func (s *Server) limitPosts(c *call) *refusal {
	channel := c.str("channel")
	quiet := s.quiet[channel]
	if quiet.Before(c.now) {
		quiet = c.now
	}
	if late := quiet.Sub(c.now) - (postBurst-1)*time.Second; late > 0 {
		return throttled(late)
	}
	s.quiet[channel] = quiet.Add(time.Second)
	return nil
}

// throttled is a 429; Slack counts in whole seconds.
func throttled(after time.Duration) *refusal {
	seconds := int((after + time.Second - 1) / time.Second)
	return &refusal{code: "ratelimited", status: http.StatusTooManyRequests, header: map[string]string{"Retry-After": strconv.Itoa(seconds)}}
}
