package redteam

var servicesEffects []effect
