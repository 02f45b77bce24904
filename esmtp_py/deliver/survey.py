"""A look at an identity's server: connect, greet, TLS, and leave before the log-in.  For assistants, never for a mail.

Where the certificate is not to be trusted, a second look is taken without
checking it, to show what it is.  Nothing secret is said on either.
"""

from esmtp_py.deliver.session import Session
from esmtp_py.errors import MailError
from esmtp_py.net.certificate import Certificate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.config.identity import Identity
    from esmtp_py.net.stream import Stream
    from esmtp_py.net.tls import TlsStream, Trust
    from esmtp_py.smtp.reply import Trace


class Survey:
    """What was seen.

    peer: name, address and port reached.  greeting: the server's first line.
    tls: version and cipher, "" without TLS.  certificate: None without TLS.
    starttls: it was offered.  extensions, mechanisms: as offered at the end.
    fault: what a mail would have failed with, None if nothing.
    """

    __slots__ = ("certificate", "extensions", "fault", "greeting", "mechanisms", "peer", "starttls", "tls")

    def __init__(self) -> None:
        self.peer = self.greeting = self.tls = ""
        self.certificate: Certificate | None = None
        self.starttls = False
        self.extensions: list[str] = []
        self.mechanisms: tuple[str, ...] = ()
        self.fault: MailError | None = None


class _Unverified(Session):
    """Shows whatever certificate there is, and is good for nothing else."""

    def _trust(self) -> "Trust":
        trust = super()._trust()
        trust.pin = "any"  # then nothing is checked before, and this session compares nothing after
        return trust


def survey(identity: "Identity", trace: "Trace | None" = None) -> Survey:
    """Looks, and says goodbye.  MailError when the server cannot be reached or does not speak SMTP."""
    seen = Survey()
    quiet = identity.of_nobody()
    try:
        _look(seen, Session, quiet, trace)
    except MailError as error:
        if error.kind != "tls":
            raise
        seen.fault = error
        _look(seen, _Unverified, quiet.but(fingerprint="", certificate=""), trace)
    if seen.fault is None and identity.tls_demanded and seen.certificate is None:
        seen.fault = MailError("tls", f"{identity.server.host} does not offer STARTTLS, and without it nothing is sent")
    return seen


def _look(seen: Survey, kind: "type[Session]", identity: "Identity", trace: "Trace | None") -> None:
    def hear(tag: str, line: bytes) -> None:
        if tag == "S" and not seen.greeting:
            seen.greeting = line.decode("utf-8", "replace")
        if tag == "S" and line[4:].strip().upper() == b"STARTTLS":
            seen.starttls = True
        if trace:
            trace(tag, line)

    session = kind(identity, trace=hear)
    try:
        seen.peer = session.talk.stream.peer
        seen.extensions = str(session.extensions).split(", ") if str(session.extensions) else []
        seen.mechanisms = session.extensions.mechanisms
        _see_tls(seen, session.talk.stream)
    finally:
        session.close()


def _see_tls(seen: Survey, stream: "Stream | TlsStream") -> None:
    from esmtp_py.net.tls import TlsStream

    if isinstance(stream, TlsStream):
        seen.tls = stream.description
        seen.certificate = Certificate(stream.certificate)
