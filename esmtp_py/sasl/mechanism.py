"""Which mechanism is used, and the form they all have.

A mechanism is a module with a NAME and a generator ``exchange(...)``: it
yields its responses, raw bytes, and is sent the server's challenges.  Its
first yield is the initial response, or None if it has none (RFC 4422 section
3); asking it for more than it has to say ends the exchange.  It raises Broken
when the server does not follow the mechanism.
"""

from esmtp_py.errors import MailError

PASSWORD_IN_CLEAR = ("PLAIN", "LOGIN")
SCRAM_PLUS = ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS")
SCRAM = ("SCRAM-SHA-256", "SCRAM-SHA-1")
# Best first.  SCRAM shows nobody the password, and lets the server prove that
# it knows it.  In TLS the password is safe with a server we verified, and the
# weak hash of CRAM-MD5 gains nothing; without TLS it is the lesser evil.
IN_TLS = (*SCRAM_PLUS, *SCRAM, *PASSWORD_IN_CLEAR, "CRAM-MD5")
IN_CLEAR = (*SCRAM, "CRAM-MD5", *PASSWORD_IN_CLEAR)
WITH_TOKEN = ("OAUTHBEARER", "XOAUTH2")
# Never taken unless the rc names them: one is no login, the others want an extra, and a ticket or an old server.
ONLY_NAMED = ("ANONYMOUS", "GSSAPI", "NTLM")
# What needs no password.  EXTERNAL is automatic where there is a certificate and no password.
WITHOUT_PASSWORD = ("EXTERNAL", "ANONYMOUS", "GSSAPI")
ALL = (*IN_TLS, *WITH_TOKEN, "EXTERNAL", *ONLY_NAMED)

# RFC 9266 for TLS 1.3, RFC 5929; the first one that the channel has is taken.
BINDINGS = ("tls-exporter", "tls-unique", "tls-server-end-point")


class Broken(ValueError):
    """The server does not follow the mechanism; ``str`` says how, for people, without its own words."""


class Refused(Broken):
    """The server does not want the mechanism, and has not seen a proof of the password yet."""


class Unable(MailError):
    """The mechanism cannot carry what the rc gives; nothing of that is shown."""

    def __init__(self, text: str) -> None:
        super().__init__("config", text)


class Credentials:
    """What we can show a server.

    username:    who we are.   password, token: Secret or None; token is an OAuth2 access token.
    certificate: TLS has shown one of ours.
    host, port:  of the server, as the rc names it; 0 if that is not known.
    binding:     gives the channel binding data of a type such as "tls-unique" (RFC 5929), None where
                 the channel has not got it; itself None without TLS.
    random:      so many random octets.
    context:     opens the security context that GSSAPI and NTLM need, by that name.
    """

    __slots__ = ("binding", "certificate", "context", "host", "password", "port", "random", "token", "username")

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
        random: "Callable[[int], bytes] | None" = None,
        context: "Callable[[str], Context] | None" = None,
    ) -> None:
        self.username = username
        self.password = password
        self.token = token
        self.certificate = certificate
        self.host = host
        self.port = port
        self.binding = binding
        self.random = random
        self.context = context

    @property
    def bound(self) -> "tuple[str, bytes] | None":
        """Type and data of the channel binding to use, None where there is none."""
        for kind in BINDINGS if self.binding else ():
            data = self.binding(kind) if self.binding else None
            if data:
                return kind, data
        return None


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
    for name in _possible(offered, credentials, secure):
        if name in offered and _usable(name, credentials):
            return name
    if not offered:
        raise MailError("auth", "the server offers no authentication: remove username from the rc, or use its TLS port")
    alone = not (credentials.password or credentials.token)
    why = "without a password only EXTERNAL is left" if alone else "no mechanism in common with the server"
    raise MailError("auth", f"{why}; the server offers {_list(offered)}{_named(offered)}")


def _possible(offered: tuple[str, ...], credentials: Credentials, secure: bool) -> tuple[str, ...]:
    """What the credentials are good for, best first."""
    if credentials.token:
        return WITH_TOKEN
    if credentials.password:
        return IN_TLS if secure else IN_CLEAR
    return ("EXTERNAL",) if credentials.certificate and secure else ()


def _usable(name: str, credentials: Credentials) -> bool:
    if name in SCRAM_PLUS and not credentials.bound:
        return False
    if name not in SCRAM_PLUS + SCRAM:
        return True
    from esmtp_py.sasl import scram

    return scram.carries(credentials.username, _reveal(credentials.password))


def without(refused: str, offered: tuple[str, ...]) -> tuple[str, ...]:
    """What is left of the offer when the server does not want ``refused`` although it offers it.

    With one SCRAM the others of its strength go: what it lacks is the secret
    for this user, or our kind of channel binding.
    """
    family = next((f for f in (SCRAM_PLUS, SCRAM_PLUS + SCRAM) if refused in f), (refused,))
    return tuple(name for name in offered if name not in family)


def start(name: str, credentials: Credentials, offered: tuple[str, ...] = ()) -> "Exchange":
    """The exchange of mechanism ``name`` with these credentials.

    offered: all that the server offers, which SCRAM has to prove.  MailError("config") if the mechanism
    cannot carry the credentials, from here or from the first ``next``.
    """
    if name in IN_TLS and not credentials.password:
        raise MailError("config", f"{name} wants a password: write one in the rc, or change auth there")
    if name in WITH_TOKEN:
        return _with_token(name, credentials)
    if name in SCRAM_PLUS + SCRAM:
        return _scram(name, credentials, offered)
    if name in IN_TLS:
        return _with_password(name, _octets(credentials.username), _octets(_reveal(credentials.password)))
    if name == "EXTERNAL":
        from esmtp_py.sasl import external

        if not credentials.certificate:
            raise MailError("config", "EXTERNAL shows a certificate in TLS: write `certificate` in the rc")
        return external.exchange(_octets(credentials.username))
    if name == "ANONYMOUS":
        from esmtp_py.sasl import anonymous

        return anonymous.exchange(_octets(credentials.username))
    if name in ("GSSAPI", "NTLM") and credentials.context:
        return _in_context(name, credentials.context(name), _octets(credentials.username))
    raise MailError("config", f"no mechanism is called {name}: auth in the rc can be {_list(ALL)}")


def _with_password(name: str, user: bytes, secret: bytes) -> "Exchange":
    if name == "PLAIN":
        from esmtp_py.sasl import plain

        return plain.exchange(user, secret)
    if name == "LOGIN":
        from esmtp_py.sasl import login

        return login.exchange(user, secret)
    from esmtp_py.sasl import cram_md5

    return cram_md5.exchange(user, secret)


def _with_token(name: str, credentials: Credentials) -> "Exchange":
    if not credentials.token:
        raise MailError("config", f"{name} wants a token: write `oauth2` in the rc, and run esmtp --authorize")
    user, token = _octets(credentials.username), credentials.token.reveal()
    if name == "XOAUTH2":
        from esmtp_py.sasl import xoauth2

        return xoauth2.exchange(user, token)
    from esmtp_py.sasl import oauthbearer

    return oauthbearer.exchange(user, token, credentials.host, credentials.port)


def _scram(name: str, credentials: Credentials, offered: tuple[str, ...]) -> "Exchange":
    from binascii import b2a_base64

    from esmtp_py.sasl import scram

    bound = credentials.bound
    if name in SCRAM_PLUS:
        if not bound:
            raise MailError("auth", f"{name} binds the login to a TLS connection, and this one has nothing for it")
        channel = scram.Channel(b"p=" + bound[0].encode("ascii"), bound[1])
    else:
        hidden = bound and not any(plus in offered for plus in SCRAM_PLUS)
        channel = scram.Channel(b"y" if hidden else b"n")
    assert credentials.random
    nonce = b2a_base64(credentials.random(18), newline=False)
    return scram.exchange(name, credentials.username, _reveal(credentials.password), nonce, channel)


def _in_context(name: str, context: "Context", user: bytes) -> "Exchange":
    if name == "NTLM":
        from esmtp_py.sasl import ntlm

        return ntlm.exchange(context)
    from esmtp_py.sasl import gssapi

    return gssapi.exchange(user, context)


def concluded(exchange: "Exchange") -> bool:
    """The server says that we are in: is there nothing left that the mechanism wants to say or to hear?

    A server that has not proved itself in SCRAM is not the one we mean.
    """
    try:
        exchange.send(b"")
    except StopIteration:
        return True
    except (ValueError, MailError):
        pass
    return False


def challenge(name: str, text: bytes) -> bytes:
    """The server's challenge out of its base64.  Raises ValueError when it is none.

    Not even looked at in LOGIN, where some servers do not encode their prompts,
    nor the words with which NTLM begins.
    """
    if name == "LOGIN":
        return b""
    from binascii import a2b_base64

    try:
        return a2b_base64(text.strip(b" "), strict_mode=True)
    except ValueError:
        if name == "NTLM":
            return b""
        raise


def encoded(response: bytes | None) -> bytes | None:
    """A response in base64, None where there is none."""
    from binascii import b2a_base64

    return None if response is None else b2a_base64(response, newline=False)


def _reveal(secret: "Secret | None") -> str:
    return secret.reveal() if secret else ""


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


def _named(offered: tuple[str, ...]) -> str:
    """A hint at what is used only when the rc names it."""
    known = [name for name in (*WITH_TOKEN, "EXTERNAL", *ONLY_NAMED) if name in offered]
    return f"; {' and '.join(known[:2])} would need more in the rc, see auth in esmtprc(5)" if known else ""


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Protocol

    from esmtp_py.concealed import Secret

    Exchange = Generator[bytes | None, bytes, None]

    class Context(Protocol):
        """A security context; all raise Broken for what a server should not have said."""

        @property
        def complete(self) -> bool: ...
        def step(self, challenge: bytes | None) -> bytes | None: ...
        def wrap(self, data: bytes) -> bytes: ...
        def unwrap(self, data: bytes) -> bytes: ...
