"""ANONYMOUS (RFC 4505): no login at all, and a word about who it was, if the rc has one."""

from esmtp_py.sasl.mechanism import Unable

NAME = "ANONYMOUS"
LONGEST = 255  # section 2, in characters


def exchange(trace: bytes) -> "Exchange":
    """trace: an address, or any other word without "@", in UTF-8; b"" for none."""
    if len(trace.decode("utf-8", "replace")) > LONGEST:
        raise Unable(f"ANONYMOUS takes a username of at most {LONGEST} characters")
    yield trace


TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.sasl.mechanism import Exchange
