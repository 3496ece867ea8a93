"""Staff, piano roll, sound, charts, the page and the notebook cell, of melodies and plain arrays."""
