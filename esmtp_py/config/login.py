"""What the statements about passwords and OAuth2 may say: text in, checked value out, as in ``values``."""

from esmtp_py.config.source import Source
from esmtp_py.config.values import one_of

SOURCES = ("keyring", "netrc", "ask")
PROVIDERS = ("google", "microsoft", "custom")

_IN_CREDENTIALS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")


def password_source(text: str, source: Source) -> str:
    return one_of(text, SOURCES, "expected keyring, netrc, ask or credential NAME")


def credential(text: str, source: Source) -> str:
    """A file name in $CREDENTIALS_DIRECTORY, and nothing that leads out of it (systemd.exec(5))."""
    if not text or not _IN_CREDENTIALS.issuperset(text) or text.startswith("."):
        raise ValueError("expected the name of a credential: letters, digits, dot, dash and underscore")
    return text


def provider(text: str, source: Source) -> str:
    return one_of(text, PROVIDERS, "expected google, microsoft or custom")


def endpoint(text: str, source: Source) -> str:
    """Where OAuth2 tokens come from: https, or http on this machine (RFC 6749 section 3.1)."""
    scheme, colon, rest = text.partition("://")
    host = rest.partition("/")[0].rpartition("@")[2]
    local = host.partition(":")[0] in ("localhost", "127.0.0.1") or host.startswith("[::1]")
    safe = scheme == "https" or (scheme == "http" and local)
    if not (colon and host and safe and text.isprintable() and " " not in text):
        raise ValueError("expected a URL that begins with https://")
    return text
