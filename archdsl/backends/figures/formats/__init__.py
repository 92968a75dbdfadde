"""Scene -> a file's content."""
