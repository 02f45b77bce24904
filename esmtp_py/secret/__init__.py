"""Where passwords come from."""
