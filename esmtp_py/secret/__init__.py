"""Passwords: where they come from, and a wrapper that keeps them out of sight."""
