"""Authentication mechanisms, one file each, without I/O: a challenge in, a response out."""
