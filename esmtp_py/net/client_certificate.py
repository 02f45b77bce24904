"""``certificate``, ``certificate_key`` and ``certificate_passphrase`` of the rc: who we are."""

from esmtp_py.errors import MailError
from esmtp_py.net.tls import TlsError, Trust

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ssl import SSLContext


def load(context: "SSLContext", trust: Trust) -> None:
    """Raises MailError("config") that says which of the three is wrong."""
    for name, path in (("certificate", trust.certificate), ("certificate_key", trust.key)):
        if path:
            _read(name, path)
    locked = []

    def passphrase() -> str:
        locked.append(True)
        return trust.passphrase

    try:
        # a callable, for OpenSSL would ask at the terminal where there is no passphrase
        context.load_cert_chain(trust.certificate, trust.key or None, password=passphrase)
    except (OSError, TlsError, ValueError) as error:
        why = _wrong(error, trust, bool(locked))
        raise MailError("config", f"cannot use certificate {trust.certificate}: {why}") from error


def _read(name: str, path: str) -> None:
    """OpenSSL would not say which of two files it cannot read."""
    try:
        with open(path, "rb") as file:
            file.read(1)
    except OSError as error:
        raise MailError("config", f"cannot read {name} {path}: {error.strerror}") from error


def _wrong(error: Exception, trust: Trust, locked: bool) -> str:
    from esmtp_py.net.diagnosis import reason

    key = f"certificate_key {trust.key}" if trust.key else "its key"
    if "MISMATCH" in str(getattr(error, "reason", "")):
        return f"{key} belongs to another certificate"
    if locked:
        return f"certificate_passphrase does not open {key}"
    return f"{reason(error)}; it must hold a certificate, and it or certificate_key the key, both in PEM form"
