"""Programs that are killed, or meet an error, at every call of the system that could matter to a mail."""
