"""What the statements about passwords and OAuth2 may say: text in, checked value out, as in ``values``."""

from esmtp_py.config.server import Server
from esmtp_py.config.source import Source
from esmtp_py.config.values import host_and_service, one_of

SOURCES = KEYRING, NETRC, ASK = "keyring", "netrc", "ask"
PROVIDERS = ("google", "microsoft", "custom")

_IN_CREDENTIALS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")

# A fragment never reaches a server, and the others no URL has (RFC 3986 section 2).
_NOT_IN_URLS = ' "<>\\^`{|}#'


def password_source(text: str, source: Source) -> str:
    return one_of(text, SOURCES, "expected keyring, netrc, ask or credential NAME")


def credential(text: str, source: Source) -> str:
    """A file name in $CREDENTIALS_DIRECTORY, and nothing that leads out of it (systemd.exec(5))."""
    if not text or not _IN_CREDENTIALS.issuperset(text) or text.startswith("."):
        raise ValueError("expected the name of a credential: letters, digits, dot, dash and underscore")
    return text


def password_command(text: str, source: Source) -> str:
    if not text.strip():
        raise ValueError("expected a command that writes the password")
    return text


def keyring_backend(text: str, source: Source) -> str:
    """A class in a module of the package keyring, or of another one."""
    names = text.split(".")
    if len(names) < 2 or not all(name.isidentifier() for name in names):
        raise ValueError("expected a class with its module, such as keyring.backends.SecretService.Keyring")
    return text


def provider(text: str, source: Source) -> str:
    return one_of(text, PROVIDERS, "expected google, microsoft or custom")


def endpoint(text: str, source: Source) -> str:
    """Where OAuth2 tokens come from: https, or http on this machine (RFC 6749 section 3.1, RFC 8252 section 8.3)."""
    scheme, colon, rest = text.partition("://")
    authority = rest.partition("/")[0].partition("?")[0]
    if not (colon and authority and text.isascii() and text.isprintable()) or any(c in text for c in _NOT_IN_URLS):
        raise ValueError("expected a URL such as https://login.example.org/token")
    if "@" in authority:
        raise ValueError("a URL with a user or a password in it is not used for OAuth2; see client_id")
    host, port = host_and_service(authority, "443")
    if not (port.isdigit() and int(port) < 65536):
        raise ValueError("expected a URL whose port is a number")
    if scheme != "https" and not (scheme == "http" and Server(host, port).loopback):
        raise ValueError("expected a URL that begins with https://, for tokens are secret")
    return text
