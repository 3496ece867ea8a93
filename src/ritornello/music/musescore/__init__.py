"""MuseScore files, read."""
