"""The security contexts of GSSAPI and NTLM: pyspnego's, which the extras ``gssapi`` and ``ntlm`` bring.

``sasl`` knows what goes over the wire around them.  Kerberos is asked here,
and so is whatever library speaks for it.
"""

from esmtp_py.errors import MailError
from esmtp_py.sasl.mechanism import Broken

SERVICE = "smtp"  # RFC 4954 section 4


def kerberos(host: str) -> "SecurityContext":
    """With the ticket that is there.  MailError: config where a library is missing, auth where there is no ticket."""
    return SecurityContext("GSSAPI", lambda spnego: spnego.client(None, None, host, SERVICE, protocol="kerberos"))


def ntlm(host: str, username: str, password: str, end_point: bytes | None) -> "SecurityContext":
    """end_point: binding of type tls-server-end-point, which Exchange may want to see (Extended Protection)."""

    def client(spnego: "Any") -> "Any":
        from spnego.channel_bindings import GssChannelBindings

        data = b"tls-server-end-point:" + end_point if end_point else b""
        bindings = GssChannelBindings(application_data=data) if data else None
        own = spnego.NegotiateOptions.use_ntlm  # wherever another NTLM is installed
        return spnego.client(username, password, host, SERVICE, bindings, protocol="ntlm", options=own)

    return SecurityContext("NTLM", client)


class SecurityContext:
    """A ``sasl.mechanism.Context``: foreign exceptions end here."""

    def __init__(self, name: str, client: "Callable[[Any], Any]") -> None:
        """client: makes the context out of the module spnego."""
        self._name = name
        try:
            import spnego

            self._context = client(spnego)
        except ImportError as error:
            raise self._missing() from error
        except Exception as error:  # pyspnego lets those of the libraries below through
            raise self._missing() if "FeatureMissing" in type(error).__name__ else self._unable(error) from error

    @property
    def complete(self) -> bool:
        return bool(self._context.complete)

    def step(self, challenge: bytes | None) -> bytes | None:
        try:
            token: bytes | None = self._context.step(challenge)
        except Exception as error:
            if challenge is None:
                raise self._unable(error) from error
            raise Broken(_reason(error)) from error
        return token

    def wrap(self, data: bytes) -> bytes:
        return self._transformed(lambda: self._context.wrap(data, encrypt=False))

    def unwrap(self, data: bytes) -> bytes:
        return self._transformed(lambda: self._context.unwrap(data))

    def _transformed(self, transform: "Callable[[], Any]") -> bytes:
        try:
            return bytes(transform().data)
        except Exception as error:
            raise Broken(_reason(error)) from error

    def _missing(self) -> MailError:
        extra = self._name.lower()
        return MailError(
            "config", f"auth {extra} needs more: pip install 'esmtp-py[{extra}]', or change auth in the rc"
        )

    def _unable(self, error: Exception) -> MailError:
        remedy = "run kinit" if self._name == "GSSAPI" else "check username and password in the rc"
        return MailError("auth", f"{self._name} cannot begin: {_reason(error)}; {remedy}")


def _reason(error: Exception) -> str:
    """One line out of what the library says."""
    text = " ".join(str(error).split())
    return "".join(c if c.isprintable() else "?" for c in text)[:200] or type(error).__name__


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any
