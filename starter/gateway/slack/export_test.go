package slack

import "time"

// Hasty lets what has failed be tried again soon.
func Hasty(o *Options) { o.pause = 20 * time.Millisecond }
