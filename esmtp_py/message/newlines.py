"""The Unix form of a message, for an MDA or a mailbox: LF line ends."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from esmtp_py.message.message import Message


def unix_form(message: "Message") -> "Iterator[bytes]":
    """The whole message, afresh at each call; a binary body as it is."""
    if not message.binary:
        yield from to_lf(message.chunks())
        return
    yield bytes(message.header).replace(b"\r\n", b"\n") + b"\n"
    yield from message.body.chunks()


def to_lf(chunks: "Iterable[bytes]") -> "Iterator[bytes]":
    """The same bytes with LF for every CRLF, cut anywhere; a CR or LF alone (binary body) stays."""
    held = b""
    for chunk in chunks:
        chunk = held + chunk
        held = b"\r" if chunk.endswith(b"\r") else b""
        chunk = chunk.replace(b"\r\n", b"\n")
        if held:
            chunk = chunk[:-1]
        if chunk:
            yield chunk
    if held:
        yield held
