"""Music in four voices as tokens."""
