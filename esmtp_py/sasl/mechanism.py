"""Which mechanism is used, and the form they all have.

A mechanism is a module with a NAME and a generator ``exchange(username,
password)``: it yields its responses, raw bytes, and is sent the server's
challenges.  Its first yield is the initial response, or None if it has none
(RFC 4422 section 3); asking it for more than it has to say ends the exchange.
"""

from esmtp_py.errors import MailError

# Best first.  In TLS the password is safe with a server we verified, and the
# weak hash of CRAM-MD5 gains nothing; without TLS it is the lesser evil.
IN_TLS = ("PLAIN", "LOGIN", "CRAM-MD5")
IN_CLEAR = ("CRAM-MD5", "PLAIN", "LOGIN")


def choose(offered: tuple[str, ...], wanted: str, *, secure: bool) -> str:
    """The mechanism to use.

    wanted: "automatic" or the one the rc names.  secure: the channel is
    encrypted and verified.  Raises MailError("auth") if there is none.
    """
    if wanted != "automatic":
        if wanted in offered:
            return wanted
        raise MailError(
            "auth", f"the server does not offer {wanted}; it offers {_list(offered)}: change auth in the rc"
        )
    for name in IN_TLS if secure else IN_CLEAR:
        if name in offered:
            return name
    if not offered:
        raise MailError("auth", "the server offers no authentication: remove username from the rc, or use its TLS port")
    raise MailError("auth", f"no mechanism in common with the server, which offers {_list(offered)}")


def start(name: str, username: str, password: str) -> "Exchange":
    """The exchange of mechanism ``name`` with these credentials."""
    user, secret = username.encode("utf-8", "surrogateescape"), password.encode("utf-8", "surrogateescape")
    if b"\0" in user or b"\0" in secret:
        raise MailError("config", "a NUL in username or password: no mechanism can carry it")
    if name == "PLAIN":
        from esmtp_py.sasl import plain

        return plain.exchange(user, secret)
    if name == "LOGIN":
        from esmtp_py.sasl import login

        return login.exchange(user, secret)
    from esmtp_py.sasl import cram_md5

    return cram_md5.exchange(user, secret)


def _list(offered: tuple[str, ...]) -> str:
    return " ".join(offered) or "nothing"


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator

    Exchange = Generator[bytes | None, bytes, None]
