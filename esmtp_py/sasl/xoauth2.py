"""XOAUTH2: an OAuth2 token, as Google defined it and Microsoft took it over; OAUTHBEARER is the standard."""

from esmtp_py.sasl.bearer import token68
from esmtp_py.sasl.mechanism import Unable

NAME = "XOAUTH2"


def exchange(username: bytes, token: str) -> "Exchange":
    if any(byte < 32 for byte in username):
        raise Unable("the username has control characters")
    error = yield b"user=" + username + b"\x01auth=Bearer " + token68(token) + b"\x01\x01"
    if error:
        yield b""  # JSON that says why; only when we have heard it does the server refuse


TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.sasl.mechanism import Exchange
