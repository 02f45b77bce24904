"""The server's half of AUTH: PLAIN, LOGIN and CRAM-MD5.

Written apart from esmtp_py.sasl, so that a mistake there is not repeated here.
"""

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping

# Sends a challenge, returns the client's answer, decoded.
Ask = Callable[[bytes], bytes]


class Cancelled(Exception):
    """The client answered "*" (RFC 4954 section 4)."""


def decode(line: bytes) -> bytes:
    """A base64 answer; "=" is the empty one.  Raises ValueError for anything else, Cancelled for "*"."""
    if line == b"*":
        raise Cancelled
    if line == b"=":
        return b""
    try:
        return base64.b64decode(line, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error


def plain(users: Mapping[str, str], initial: bytes | None, ask: Ask) -> str | None:
    """RFC 4616.  The user, or None when the password is wrong."""
    answer = ask(b"") if initial is None else initial
    parts = answer.split(b"\0")
    if len(parts) != 3:
        raise ValueError("PLAIN wants authzid NUL authcid NUL password")
    return _known(users, parts[1], parts[2])


def login(users: Mapping[str, str], initial: bytes | None, ask: Ask) -> str | None:
    """draft-murchison-sasl-login."""
    user = ask(b"Username:") if initial is None else initial
    return _known(users, user, ask(b"Password:"))


def cram_md5(users: Mapping[str, str], initial: bytes | None, ask: Ask) -> str | None:
    """RFC 2195."""
    if initial is not None:
        raise ValueError("CRAM-MD5 has no initial response")
    challenge = b"<1896.697170952@postoffice.example.test>"
    user, _, digest = ask(challenge).rpartition(b" ")
    name = user.decode()
    wanted = hmac.new(users.get(name, "").encode(), challenge, "md5").hexdigest().encode()
    return name if name in users and hmac.compare_digest(wanted, digest) else None


def _known(users: Mapping[str, str], user: bytes, password: bytes) -> str | None:
    name = user.decode()
    return name if name in users and users[name].encode() == password else None


MECHANISMS: dict[str, Callable[[Mapping[str, str], bytes | None, Ask], str | None]] = {
    "PLAIN": plain,
    "LOGIN": login,
    "CRAM-MD5": cram_md5,
}
