"""How fast and how steady the live instrument is."""
