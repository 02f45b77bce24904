"""Which mechanism is used, and the form they all have.

A mechanism is a module with a NAME and a generator ``exchange(...)``: it
yields its responses, raw bytes, and is sent the server's challenges.  Its
first yield is the initial response, or None if it has none (RFC 4422 section
3); asking it for more than it has to say ends the exchange.
"""

from esmtp_py.errors import MailError

# Best first.  In TLS the password is safe with a server we verified, and the
# weak hash of CRAM-MD5 gains nothing; without TLS it is the lesser evil.
IN_TLS = ("PLAIN", "LOGIN", "CRAM-MD5")
IN_CLEAR = ("CRAM-MD5", "PLAIN", "LOGIN")


class Credentials:
    """What we can show a server.

    username:    who we are.   password, token: Secret or None; token is an OAuth2 access token.
    certificate: TLS has shown one of ours.
    host, port:  of the server, as the rc names it.
    binding:     gives the channel binding data of a type such as "tls-unique" (RFC 5929), None where
                 the channel has not got it; itself None without TLS.
    """

    __slots__ = ("binding", "certificate", "host", "password", "port", "token", "username")

    def __init__(
        self,
        username: str = "",
        *,
        password: "Secret | None" = None,
        token: "Secret | None" = None,
        certificate: bool = False,
        host: str = "",
        port: int = 0,
        binding: "Callable[[str], bytes | None] | None" = None,
    ) -> None:
        self.username = username
        self.password = password
        self.token = token
        self.certificate = certificate
        self.host = host
        self.port = port
        self.binding = binding


def choose(offered: tuple[str, ...], wanted: str, credentials: Credentials, *, secure: bool) -> str:
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


def start(name: str, credentials: Credentials) -> "Exchange":
    """The exchange of mechanism ``name`` with these credentials; MailError("config") if it cannot carry them."""
    user = _octets(credentials.username)
    secret = _octets(credentials.password.reveal() if credentials.password else "")
    if name == "PLAIN":
        from esmtp_py.sasl import plain

        return plain.exchange(user, secret)
    if name == "LOGIN":
        from esmtp_py.sasl import login

        return login.exchange(user, secret)
    if name == "CRAM-MD5":
        from esmtp_py.sasl import cram_md5

        return cram_md5.exchange(user, secret)
    raise MailError("config", f"no mechanism is called {name}: auth in the rc can be {_list(IN_TLS)}")


def challenge(name: str, text: bytes) -> bytes:
    """The server's challenge out of its base64.  Raises ValueError when it is none.

    Not even looked at in LOGIN, where some servers do not encode their prompts.
    """
    if name == "LOGIN":
        return b""
    from binascii import a2b_base64

    return a2b_base64(text.strip(b" "), strict_mode=True)


def encoded(response: bytes | None) -> bytes | None:
    """A response in base64, None where there is none."""
    from binascii import b2a_base64

    return None if response is None else b2a_base64(response, newline=False)


def _octets(text: str) -> bytes:
    try:
        octets = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        octets = b"\0"  # and the error, which holds the text, is forgotten
    if b"\0" in octets:
        raise MailError("config", "username and password can hold neither NUL nor half a character: correct the rc")
    return octets


def _list(offered: tuple[str, ...]) -> str:
    """For people; what is no mechanism name (RFC 4422 section 3.1) came to do harm, not to be read."""
    names = [n for n in offered if len(n) <= 20 and n.isascii() and n.replace("-", "").replace("_", "").isalnum()]
    return " ".join(names[:20]) or "nothing"


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from esmtp_py.concealed import Secret

    Exchange = Generator[bytes | None, bytes, None]
