"""What is allowed about TLS and the way to the server, and still most likely a mistake: a part of ``advice``."""

from esmtp_py.config.identity import STARTTLS_DISABLED, Identity
from esmtp_py.config.policy import IMAP
from esmtp_py.config.server import SUBMISSIONS_PORT, Server

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_OF_TLS = (
    *("ca_file", "ca_dir", "crl_file", "fingerprint", "tls_hostname", "min_tls", "ciphers"),
    *("certificate", "certificate_key"),
)


def channel_advice(identity: Identity) -> "Iterator[tuple[str, str]]":
    """Pairs of a statement and a warning about it."""
    yield from _without_tls(identity)
    yield from _trust(identity)
    yield from _own_certificate(identity)
    yield from _way(identity)


def _without_tls(identity: Identity) -> "Iterator[tuple[str, str]]":
    if identity.starttls != STARTTLS_DISABLED:
        return
    if identity.server.service == SUBMISSIONS_PORT:
        yield "starttls", "port 465 speaks nothing but TLS; write: starttls implicit"
    for name in _OF_TLS:
        if name in identity.origin and identity.record != IMAP:
            yield name, "has no effect with starttls disabled"
    if identity.tls_required_ext:
        yield "tls_required_ext", "no mail can leave: it needs TLS, and starttls is disabled"


def _trust(identity: Identity) -> "Iterator[tuple[str, str]]":
    if identity.fingerprint:
        for name in ("ca_file", "ca_dir", "crl_file"):
            if name in identity.origin:
                yield name, "has no effect with fingerprint, which trusts one certificate whoever issued it"
    if identity.ciphers and identity.min_tls == "1.3":
        yield "ciphers", "has no effect with min_tls 1.3: the list is for TLS 1.2"


def _own_certificate(identity: Identity) -> "Iterator[tuple[str, str]]":
    if identity.certificate_passphrase is not None and not identity.certificate:
        yield "certificate_passphrase", "a passphrase, but no certificate"
    if identity.certificate_key and not identity.certificate:
        yield "certificate_key", "a key, but no certificate"


def _way(identity: Identity) -> "Iterator[tuple[str, str]]":
    server, source = identity.server, identity.source_address
    if server.path:
        for name in ("proxy", "source_address", "connect_timeout"):
            if name in identity.origin:
                yield name, "has no effect: the server is reached by a unix socket"
        return
    if server.srv and identity.proxy:
        yield "proxy", "no mail can leave: srv: in hostname asks the DNS; write the name of the server in hostname"
    if identity.proxy and identity.proxy.password and not Server(identity.proxy.host, "").loopback:
        yield "proxy", "its password goes over the network in clear text"
    if source and not identity.proxy and server.literal and (":" in source) != (":" in server.host):
        yield "source_address", f"no connection leads from it to {server.host}: one is IPv4, the other IPv6"
