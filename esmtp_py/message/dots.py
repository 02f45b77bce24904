"""The end of data for DATA: dot-stuffing (RFC 5321 section 4.5.2).  BDAT needs none of it."""

from esmtp_py.errors import MailError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def stuff(chunks: "Iterable[bytes]") -> "Iterator[bytes]":
    """The same bytes as DATA takes them: leading dots doubled, CRLF.CRLF at the end and nowhere else.

    ``chunks`` may be cut anywhere.  Raises MailError("content") at a CR or LF
    that stands alone, before the chunk that holds it is yielded: a server may
    take it for a line end, and a dot behind it for the end of the message
    (CVE-2023-51764).  Such a body is binary and needs BDAT (RFC 3030).
    """
    tail = b"\r\n"  # of what has gone out; the DATA command ended a line
    for chunk in chunks:
        if not chunk:
            continue
        joined = tail + chunk
        _refuse_lone_line_ends(tail, joined)
        yield joined.replace(b"\r\n.", b"\r\n..")[len(tail) :]
        tail = joined[-2:]
    if tail.endswith(b"\r"):
        raise _lone()
    yield b".\r\n" if tail == b"\r\n" else b"\r\n.\r\n"


def _refuse_lone_line_ends(tail: bytes, joined: bytes) -> None:
    """``joined`` begins with ``tail``, of which all but a CR at its end has been checked."""
    pairs = joined.count(b"\r\n")
    orphans = tail[:1] == b"\n"  # its CR has left the window
    unfinished = joined.endswith(b"\r")
    if joined.count(b"\n") - orphans != pairs or joined.count(b"\r") - unfinished != pairs:
        raise _lone()


def _lone() -> MailError:
    text = "the body holds a CR or LF that ends no line: the server must offer BINARYMIME to take it"
    return MailError("content", text, status="5.6.1")
