"""The rc file: where it is, what it says, and the Identity each sender gets."""
