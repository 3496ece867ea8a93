"""ABC tune books, read and written."""
