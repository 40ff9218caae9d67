package redteam

var computeEffects []effect
