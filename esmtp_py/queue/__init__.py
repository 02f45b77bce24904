"""What happens to mail that could not leave: the report to its sender, and later the queue itself."""
