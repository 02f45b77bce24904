"""A look at an identity's server: connect, greet, TLS, and leave before the log-in.  For assistants, never for a mail.

Where the certificate is not to be trusted, a second look is taken without
checking it, to show what it is; and where a server says nothing, in TLS from
the first byte, which it may be waiting for.  Nothing secret is said on any.
"""

from esmtp_py.config.identity import STARTTLS_IMPLICIT
from esmtp_py.config.server import SUBMISSION_PORT, SUBMISSIONS_PORT
from esmtp_py.deliver.session import Session
from esmtp_py.errors import MailError
from esmtp_py.net.certificate import Certificate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.config.identity import Identity
    from esmtp_py.net.stream import Stream
    from esmtp_py.net.tls import TlsStream, Trust
    from esmtp_py.smtp.reply import Trace

# For each reply: somebody waits at the keyboard.  Servers that hold back their greeting, to see who cannot wait for
# it, take about six seconds (Postfix's postscreen); and for a log-in that fails, or asks another machine, some more.
SECONDS, LOGIN_SECONDS = 10, 30

# Where everybody knows how TLS begins.
_WELL_KNOWN = ("25", SUBMISSION_PORT, SUBMISSIONS_PORT, "smtp", "submission", "submissions", "smtps", "ssmtp")


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

    @property
    def implicit(self) -> bool:
        """TLS from the first byte."""
        return self.certificate is not None and not self.starttls


class _Unverified(Session):
    """Shows whatever certificate there is, and is good for nothing else."""

    def _trust(self) -> "Trust":
        trust = super()._trust()
        trust.pin = "any"  # then nothing is checked before, and this session compares nothing after
        return trust


def hurried(identity: "Identity", seconds: int = SECONDS) -> "Identity":
    """The same for somebody who waits: so many seconds for each reply, unless the rc says how long."""
    return identity.but(timeout=identity.timeout or max(seconds, identity.connect_timeout))


def survey(identity: "Identity", trace: "Trace | None" = None) -> Survey:
    """Looks, and says goodbye.  MailError when the server cannot be reached or does not speak SMTP."""
    seen = Survey()
    quiet = hurried(identity).of_nobody()
    try:
        _look_anyway(seen, quiet, trace)
    except MailError as error:
        if seen.greeting or error.kind != "connection_lost" or not _ambiguous(quiet):
            raise
        return _in_tls(quiet, trace, error)
    if seen.fault is None and identity.tls_demanded and seen.certificate is None:
        seen.fault = MailError("tls", f"{identity.server.host} does not offer STARTTLS, and without it nothing is sent")
    return seen


def _ambiguous(identity: "Identity") -> bool:
    """The port does not say how TLS begins, nor does anything else."""
    server = identity.server
    return not (identity.implicit_tls or server.path or server.srv or server.service in _WELL_KNOWN)


def _in_tls(identity: "Identity", trace: "Trace | None", error: MailError) -> Survey:
    """A look in TLS from the first byte at a server that says nothing without.  error: what became of that."""
    seen = Survey()
    try:
        _look_anyway(seen, identity.but(starttls=STARTTLS_IMPLICIT), trace)
    except MailError as other:
        text = f"{error.text}; nor does it answer in TLS from the first byte: is it the port of a mail server?"
        raise MailError(error.kind, text, remote=error.remote) from other
    text = f"{error.text}; in TLS from the first byte it answers: write `starttls implicit` in the rc"
    seen.fault = MailError(error.kind, text, remote=error.remote)
    return seen


def _look_anyway(seen: Survey, identity: "Identity", trace: "Trace | None") -> None:
    """A second time without checking the certificate where it is not good."""
    try:
        _look(seen, Session, identity, trace)
    except MailError as error:
        if error.kind != "tls" or isinstance(error.__cause__, MailError):  # it is not about the certificate
            raise
        seen.fault = error
        _look(seen, _Unverified, identity.but(fingerprint="", certificate=""), trace)


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
