// Package deploy holds no code: it is the room of everything that runs Countersign somewhere.
// local is all of it in one process; redteam attacks it, and writes THREATS.md; decisions says why
// things are as they are. The test here holds the walls between the rooms of the whole house.
package deploy
