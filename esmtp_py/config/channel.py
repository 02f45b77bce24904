"""What the statements about certificates and the way to the server may say, as in ``values``."""

from esmtp_py.config.source import Source
from esmtp_py.config.values import one_of, own_name

_HEX = frozenset("0123456789abcdef")


def fingerprint(text: str, source: Source) -> str:
    """SHA256: and 64 hex digits, with colons or without; returns the digits."""
    name, colon, rest = text.partition(":")
    digits = rest.replace(":", "").lower()
    if name.upper() != "SHA256" or not colon or len(digits) != 64 or not _HEX.issuperset(digits):
        raise ValueError("expected SHA256: and 64 hex digits; `esmtp --serverinfo` shows it")
    return digits


def tls_name(text: str, source: Source) -> str:
    """A host name or an address, without brackets."""
    name = own_name(text, source)
    if name and ":" not in name:
        return name
    try:
        return ip_address(text, source)
    except ValueError:
        raise ValueError("expected a host name such as mail.example.org, without a port") from None


def ciphers(text: str, source: Source) -> str:
    """OpenSSL has the last word on them, when they are used."""
    if not text.isascii() or not text.isprintable() or not text.strip():
        raise ValueError("expected a list of ciphers, as `openssl ciphers` takes it")
    return text


def tls_version(text: str, source: Source) -> str:
    return one_of(text.lower().removeprefix("tls"), ("1.2", "1.3"), "expected 1.2 or 1.3")


def proxy(text: str, source: Source) -> "Proxy":
    from esmtp_py.config.proxy import parse

    return parse(text)


def ip_address(text: str, source: Source) -> str:
    import _socket

    literal = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    for family in (_socket.AF_INET, _socket.AF_INET6):
        try:
            _socket.inet_pton(family, literal)
            return literal
        except (OSError, ValueError):
            pass
    raise ValueError("expected an IP address of this machine, such as 192.0.2.1")


TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.config.proxy import Proxy
