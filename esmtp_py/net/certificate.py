"""A server's certificate, as far as people want to know it: for --serverinfo and --doctor, never for a mail.

OpenSSL's own reading of it, which Python has for its tests; where that is
missing there is still the fingerprint.
"""

import binascii
import hashlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


class Certificate:
    """der: as the server has shown it.  ``fields``: as of ssl.SSLSocket.getpeercert, {} if it cannot be read."""

    __slots__ = ("der", "fields")

    def __init__(self, der: bytes) -> None:
        self.der = der
        self.fields = _decoded(der)

    @property
    def fingerprint(self) -> str:
        """As the rc statement of that name takes it."""
        return "SHA256:" + hashlib.sha256(self.der).hexdigest()

    @property
    def names(self) -> list[str]:
        """Host names and addresses that it is for."""
        names = self.fields.get("subjectAltName", ())
        return [_short(value) if ":" in value else value for kind, value in names if kind in ("DNS", "IP Address")]

    @property
    def end(self) -> "float | None":
        """Until when it is valid, seconds since 1970; None when that cannot be read."""
        return _seconds(self.fields.get("notAfter", ""))

    def facts(self) -> "Iterator[tuple[str, str]]":
        """(label, text) for each thing worth knowing."""
        if self.fields:
            yield "certificate", f"for {', '.join(self.names) or 'no host name'}"
            yield "owner", _name(self.fields.get("subject", ()))
            yield "issuer", _name(self.fields.get("issuer", ()))
            yield "valid", f"{self.fields.get('notBefore', '?')} to {self.fields.get('notAfter', '?')}"
        yield "fingerprint", self.fingerprint


def _decoded(der: bytes) -> "dict[str, Any]":
    import ssl
    import tempfile

    decode = getattr(getattr(ssl, "_ssl", None), "_test_decode_cert", None)
    if decode is None:
        return {}
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        body = binascii.b2a_base64(der, newline=False)
        lines = [body[at : at + 64] for at in range(0, len(body), 64)]
        file.write(b"-----BEGIN CERTIFICATE-----\n" + b"\n".join(lines) + b"\n-----END CERTIFICATE-----\n")
        file.flush()
        try:
            fields: dict[str, Any] = decode(file.name)
        except (OSError, ValueError):
            return {}
    return fields


def _short(address: str) -> str:
    """An IPv6 address as people write it."""
    import ipaddress

    try:
        return str(ipaddress.ip_address(address.strip()))
    except ValueError:
        return address


def _name(parts: "Any") -> str:
    """``commonName=x, organizationName=y``."""
    return ", ".join(f"{kind}={value}" for group in parts for kind, value in group) or "(nobody)"


def _seconds(text: str) -> "float | None":
    import ssl

    try:
        return float(ssl.cert_time_to_seconds(text))
    except ValueError:
        return None
