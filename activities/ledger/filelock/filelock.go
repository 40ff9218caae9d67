// Package filelock keeps other processes, and other users of this one, out of something that a file
// stands for. A lock belongs to the open file: the system releases it when the process ends in any
// way. Leave the file where it is: deleting it would let a third lock a new file of the same name
// while a second still holds the old one.
package filelock

import "errors"

// ErrLocked is what [Try] returns when somebody else has the lock.
var ErrLocked = errors.New("locked")
