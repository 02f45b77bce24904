"""OAUTHBEARER (RFC 7628): an OAuth2 token as the password."""

from esmtp_py.sasl.bearer import token68
from esmtp_py.sasl.mechanism import Unable

NAME = "OAUTHBEARER"


def exchange(username: bytes, token: str, host: str, port: int) -> "Exchange":
    """host, port: of the server as we know it; "" and 0 are not said."""
    if any(byte < 32 for byte in username + host.encode("utf-8", "replace")):
        raise Unable("username and hostname can hold no control characters")
    whom = b"a=" + username.replace(b"=", b"=3D").replace(b",", b"=2C") if username else b""
    fields = [b"n," + whom + b","]
    if host:
        fields.append(b"host=" + host.encode("utf-8"))
    if port:
        fields.append(b"port=%d" % port)
    fields.append(b"auth=Bearer " + token68(token))
    error = yield b"\x01".join(fields) + b"\x01\x01"
    if error:
        yield b"\x01"  # section 3.2.3: JSON that says why, and has to be answered


TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.sasl.mechanism import Exchange
