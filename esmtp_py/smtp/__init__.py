"""SMTP and LMTP as seen by a client, without I/O: bytes in, commands, replies and bytes out."""
