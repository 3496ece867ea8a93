"""The networks, the n-gram, the model file, and the player that needs no framework."""
