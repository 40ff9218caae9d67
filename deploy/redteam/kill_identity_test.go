package redteam

var identityEffects []effect
