"""``crl_file`` of the rc: certificates that their authority has taken back (RFC 5280 section 5)."""

from esmtp_py.errors import MailError
from esmtp_py.net.tls import TlsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ssl import SSLContext
    from typing import Any

# X509_V_FLAG_CRL_CHECK and X509_V_FLAG_CRL_CHECK_ALL of OpenSSL: not the server's certificate alone
_CHECK_CHAIN = 0x4 | 0x8


def load(context: "SSLContext", path: str) -> None:
    """Every certificate of the chain is looked up in the lists of this PEM file, and must be covered by one.

    Raises MailError("config") for a file without lists, and for one with
    certificates: OpenSSL reads both alike, and would trust them.
    """
    store: "Any" = context
    before = store.cert_store_stats()
    try:
        context.load_verify_locations(cafile=path)
    except (OSError, TlsError) as error:
        from esmtp_py.net.diagnosis import reason

        raise MailError("config", f"cannot use crl_file {path}: {reason(error)}") from error
    after = store.cert_store_stats()
    if after["x509"] > before["x509"]:
        raise MailError("config", f"crl_file {path} has certificates in it: move them to ca_file")
    if after["crl"] == before["crl"]:
        raise MailError("config", f"crl_file {path} has no list in it (BEGIN X509 CRL)")
    store.verify_flags |= _CHECK_CHAIN
