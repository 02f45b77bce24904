"""One connection as a strict server sees it: whole lines in, replies out in as few writes as possible."""

import socket

LINE_LIMIT = 64 * 1024  # no command is longer, an OAuth2 token included


class Gone(Exception):
    """The client closed the connection, or sent something that makes going on pointless."""


class Wire:
    """Reads lines and counted bytes; holds replies back while more commands are at hand (RFC 2920 section 3.2).

    pending: bytes the client has sent and nobody has read yet.
    turns:   how often the server answered and then waited for the client.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.pending = bytearray()
        self.turns = 0
        self._replies = bytearray()

    def line(self) -> bytes:
        """The next line with its end, CRLF or, from a careless client, LF."""
        end = self._find(b"\n", LINE_LIMIT)
        return self._take(end + 1)

    def count(self, size: int) -> bytes:
        """Exactly ``size`` bytes (BDAT)."""
        while len(self.pending) < size:
            self._more()
        return self._take(size)

    def until_dot(self) -> bytes:
        """What DATA sent, as sent (dots still stuffed), without the line of the lone dot."""
        self.pending[:0] = b"\r\n"  # the dot may be the first thing
        end = self._find(b"\r\n.\r\n")
        data = self._take(end + 2)
        del self.pending[:3]
        return data[2:]

    def reply(self, data: bytes) -> None:
        """Sent when the client has nothing more for us to read, or at ``flush``."""
        self._replies += data

    def flush(self) -> None:
        if self._replies:
            self.connection.sendall(self._replies)
            self._replies.clear()
            self.turns += 1

    def _find(self, mark: bytes, limit: int | None = None) -> int:
        start = 0
        while (at := self.pending.find(mark, start)) < 0:
            if limit is not None and len(self.pending) > limit:
                raise Gone("line too long")
            start = max(0, len(self.pending) - len(mark) + 1)
            self._more()
        return at

    def _more(self) -> None:
        self.flush()
        data = self.connection.recv(256 * 1024)
        if not data:
            raise Gone("closed by the client")
        self.pending += data

    def _take(self, size: int) -> bytes:
        data = bytes(self.pending[:size])
        del self.pending[:size]
        return data
