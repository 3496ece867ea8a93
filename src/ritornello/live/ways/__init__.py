"""The ways of playing: what player and machine do now, and who plays when."""
