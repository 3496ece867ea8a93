"""What is shown of a corpus and of the files that it came from."""
