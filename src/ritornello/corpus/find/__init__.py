"""Files to read: in folders, in archives, by name."""
