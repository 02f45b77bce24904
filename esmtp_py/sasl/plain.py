"""PLAIN (RFC 4616): the password itself, so only on a channel that is trusted."""

NAME = "PLAIN"


def exchange(username: bytes, password: bytes) -> "Exchange":
    yield b"\0" + username + b"\0" + password


TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.sasl.mechanism import Exchange
