"""The front doors: one command line, several names."""
