"""What is sent: envelope, addresses, header, body.  Pure: bytes in, bytes out, no I/O."""
