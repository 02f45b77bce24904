"""The folder of sent mail on the identity's IMAP server: found, and filled.

Connected, secured and logged in as for submission, and as strictly: nothing is
said without TLS except to this machine.
"""

import time

from esmtp_py.config.identity import STARTTLS_DISABLED, Identity
from esmtp_py.config.policy import IMAP, IMAPS_PORT
from esmtp_py.config.server import Server
from esmtp_py.deliver.login import AUTOMATIC, another_token, credentials_of
from esmtp_py.deliver.session import certificate_name, reach
from esmtp_py.errors import MailError
from esmtp_py.message.domain import ascii_domain
from esmtp_py.net.imap import Imap, Literal, encoded
from esmtp_py.sasl import mechanism
from esmtp_py.sasl.mechanism import Broken
from esmtp_py.smtp.veil import Veil

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from esmtp_py.concealed import Secret
    from esmtp_py.net.stream import Stream
    from esmtp_py.net.tls import TlsStream
    from esmtp_py.sasl.mechanism import Credentials

# Nobody waits for it, but it is not to hang either.
SECONDS = 60.0
USUAL = b"Sent"
_SENT = "\\sent"


class SentFolder:
    """A session with the server; close it.  name: of the folder, as IMAP has it."""

    def __init__(self, identity: Identity) -> None:
        """Connects.  Raises MailError."""
        self._identity = identity
        self._server = server_of(identity)
        self._veil = Veil()
        seconds = identity.timeout or SECONDS
        stream: "Stream | TlsStream" = reach(identity, self._server, time.monotonic() + seconds)
        self._tls: TlsStream | None = None
        self._imap: Imap | None = None
        try:
            if self._server.service in (IMAPS_PORT, "imaps"):
                stream = self._secured(stream)
            imap = self._imap = Imap(stream, self._server.host, seconds)
            self._log_in(imap)
            self.name = encoded(identity.sent_folder) if identity.sent_folder else self._found(imap)
        except MailError as error:
            self._close(stream)
            self._hide_in(error)
            raise
        except BaseException:
            self._close(stream)
            raise

    def append(self, size: int, chunks: "Callable[[], Iterable[bytes]]", seconds: float) -> None:
        """Adds a mail, marked as seen.  seconds: since 1970, when it was sent.  Raises MailError."""
        assert self._imap
        try:
            self._imap.append_to(self.name, Literal(size, chunks), seconds)
        except MailError as error:
            self._hide_in(error)
            raise

    def look(self) -> str:
        """What the server has against mail in the folder, "" if nothing.  Changes nothing.  Raises MailError."""
        assert self._imap
        return self._veil.over_text(self._imap.look_at(self.name))

    def close(self) -> None:
        """Never raises."""
        if self._imap:
            self._imap.close_it()

    def _close(self, stream: "Stream | TlsStream") -> None:
        self.close()
        stream.close()

    # -- until the server knows us -------------------------------------------------------------------------------

    def _log_in(self, imap: Imap) -> None:
        if not self._tls and "STARTTLS" in imap.capabilities and not self._in_clear():
            imap.start_tls(self._secured)
        if not self._tls and not self._server.loopback:
            text = f"{imap.remote} does not offer STARTTLS: write imap_server with port {IMAPS_PORT} in the rc"
            raise MailError("tls", text, remote=imap.remote)
        if b"PREAUTH" not in imap.welcome.upper().split()[:2]:
            self._authenticate(imap)
        imap.offers_again()

    def _in_clear(self) -> bool:
        return self._server.loopback and self._identity.starttls == STARTTLS_DISABLED

    def _secured(self, stream: "Stream | TlsStream") -> "TlsStream":
        from esmtp_py.net.tls import TlsStream, Trust, client_context

        identity, trust = self._identity, Trust.of(self._identity)
        host = ascii_domain(self._server.host.rstrip("."))
        if host.lower() == ascii_domain(identity.server.host.rstrip(".")).lower():
            host = certificate_name(identity)
        else:  # fingerprint and tls_hostname are of the other one
            trust.pin = ""
        made = TlsStream(stream, client_context(trust), host, time.monotonic() + SECONDS, trust.pin)
        self._tls = made
        return made

    def _authenticate(self, imap: Imap) -> None:
        identity = self._identity
        if not imap.mechanisms:
            raise MailError("auth", f"{imap.remote} offers no login", remote=imap.remote)
        if identity.auth == "GSSAPI":
            raise MailError("config", "record imap: auth gssapi is for the mail server only; name another mechanism")
        shown = credentials_of(identity, self._tls)
        shown.host, service = self._server.host, self._server.service
        shown.port = int(service) if service.isdigit() else 0
        self._keep((shown.password, shown.token))
        try:
            self._log_in_with(shown, imap)
        except MailError as error:
            if not (error.kind == "auth" and error.reply and another_token(identity, shown)):
                raise
            self._keep((shown.token,))
            self._log_in_with(shown, imap)

    def _log_in_with(self, shown: "Credentials", imap: Imap) -> None:
        """As for submission: where SCRAM is offered and refused, the server has no password that is fit for it."""
        secure = self._tls is not None
        offered = left = imap.mechanisms
        while True:
            name = mechanism.choose(left, self._identity.auth, shown, secure=secure or self._server.loopback)
            try:
                return _exchange(imap, name, shown, offered)
            except MailError as error:
                left = mechanism.without(name, left)
                again = self._identity.auth == AUTOMATIC and name in mechanism.SCRAM_PLUS + mechanism.SCRAM
                if error.kind != "auth" or not error.reply or not again or not secure or not left:
                    raise

    def _keep(self, secrets: "Iterable[Secret | None]") -> None:
        """No message shows these, should the server quote them."""
        for secret in secrets:
            if secret:
                self._veil.add(secret.reveal().encode("utf-8", "surrogateescape"))

    def _hide_in(self, error: MailError) -> None:
        error.text, error.reply = self._veil.over_text(error.text), self._veil.over_text(error.reply)
        error.args = (error.text,)

    def _found(self, imap: Imap) -> bytes:
        """The folder that the server says is for sent mail (RFC 6154), else the usual one."""
        return next((name for attributes, name in imap.folders() if _SENT in attributes), USUAL)


def server_of(identity: Identity) -> Server:
    """The IMAP server: the one of the rc, else the host that mail is submitted to."""
    if identity.imap_server:
        return identity.imap_server
    if not identity.server.host:
        raise MailError("config", "record imap: hostname is a socket; write imap_server in the rc")
    return Server(identity.server.host, IMAPS_PORT, protocol=IMAP)


def _exchange(imap: Imap, name: str, shown: "Credentials", offered: tuple[str, ...]) -> None:
    exchange = mechanism.start(name, shown, offered)
    first = [next(exchange)]
    why: list[str] = []

    def answer(challenge: bytes) -> "bytes | None":
        """The initial response goes behind the first, empty, challenge: not every server has SASL-IR."""
        initial = first.pop() if first else None
        if initial is not None:
            return initial
        try:
            return exchange.send(challenge) or b""
        except (StopIteration, ValueError, Broken) as error:
            why.append(str(error) or "it asks for more than there is to say")
            return None  # ends it

    try:
        imap.log_in_by(name, answer)
    except MailError as error:
        if why:
            raise MailError("auth", f"{imap.remote} does not follow {name}: {why[0]}", remote=imap.remote) from error
        raise
    if not mechanism.concluded(exchange):
        text = f"{imap.remote} does not follow {name}: it says yes too early"
        raise MailError("auth", text, remote=imap.remote)
