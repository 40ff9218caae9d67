package redteam

var controlsEffects []effect
