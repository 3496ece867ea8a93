"""Where the instrument meets the world: ports, the process that plays, OSC, sound, keys, screen, presets."""
