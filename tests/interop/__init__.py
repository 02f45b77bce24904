"""The installed command among the real programs of Debian: its callers on one side, mail servers on the other."""
