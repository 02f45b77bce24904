"""A message on its way out: a header that can be edited, a body that is only ever streamed."""

from esmtp_py.message.header import Header

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Protocol

    class Body(Protocol):
        """What a Message needs of a body; ``spool.Spool`` is one.

        size: bytes.  eight_bit: it holds a byte over 127.  chunks(): all of
        it from its beginning, in pieces of at most CHUNK bytes, at each call
        (several may run side by side).
        """

        @property
        def size(self) -> int: ...
        @property
        def eight_bit(self) -> bool: ...
        def chunks(self) -> Iterator[bytes]: ...


# Enough for a full TLS record and a socket buffer, little beside the interpreter.
CHUNK = 64 * 1024


class Message:
    """Header, blank line and body, with CRLF line ends; a ``binary`` body has no lines (BODY=BINARYMIME, RFC 3030)."""

    __slots__ = ("binary", "body", "header")

    def __init__(self, header: Header, body: "Body", *, binary: bool = False) -> None:
        self.header = header
        self.body = body
        self.binary = binary

    @property
    def size(self) -> int:
        """Bytes on the wire before dot-stuffing: the number for SIZE= (RFC 1870)."""
        return self.header.size + 2 + self.body.size

    @property
    def eight_bit(self) -> bool:
        """True if a byte over 127 is in header or body: BODY=8BITMIME (RFC 6152) is due."""
        return self.body.eight_bit or self.header.eight_bit

    def chunks(self) -> "Iterator[bytes]":
        """The whole message, header first, in pieces of at most CHUNK bytes; afresh at each call."""
        block = bytes(self.header) + b"\r\n"
        for start in range(0, len(block), CHUNK):
            yield block[start : start + CHUNK]
        yield from self.body.chunks()
