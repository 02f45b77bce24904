"""Sockets, name look-up and TLS, with deadlines: the only code that touches the network."""
