"""One connection to an identity's server, from the TCP handshake to QUIT.

``Session(...)`` returns greeted, secured and logged in as the identity says,
or raises a MailError; ``pipeline`` carries mails through it.
"""

import os
import time

from esmtp_py.config.identity import STARTTLS_DISABLED, STARTTLS_REQUIRED, Identity
from esmtp_py.deliver.conversation import Conversation
from esmtp_py.errors import MailError
from esmtp_py.message.domain import ascii_domain
from esmtp_py.net.connect import connect
from esmtp_py.smtp import command, extensions
from esmtp_py.smtp.command import EHLO, HELO, LHLO, QUIT, STARTTLS
from esmtp_py.smtp.patience import Patience

# How two servers can be known: what the first one offers, how the other one greets.
COURIER, CHASQUID = "XVERP=COURIER", b" ESMTP chasquid"


class Session:
    """A connection that is greeted, secured and logged in as the identity says.

    talk: the Conversation.  extensions: what the server offers now.
    remote: its name, for people.  lmtp: it answers for each recipient (RFC 2033).
    """

    def __init__(
        self,
        identity: Identity,
        size: int = 0,
        trace: "Trace | None" = None,
        *,
        meanwhile: "Callable[[], object] | None" = None,
    ) -> None:
        """Connects.

        size: bytes of mail that will go through, for the deadline.
        meanwhile: called, if there is a login, while the server thinks about it.  Raises no MailError.
        """
        _expect_username(identity)
        self.extensions = extensions.NONE
        self._greeting = b""
        self.remote = identity.server.host or identity.server.path
        self.lmtp = identity.server.protocol == "lmtp"
        self._identity = identity
        patience = Patience(identity.timeout)
        end = time.monotonic() + patience.session(size)
        self._secured: TlsStream | None = None
        self._context: Context | None = None
        self._place: Place | None = None  # what the DNS says of the server, with srv:
        soon = min(end, time.monotonic() + patience.reply("connect"))
        stream = self._discover(soon) if identity.server.srv else reach(identity, identity.server, soon)
        self.talk = Conversation(stream, patience, end, self.remote, trace)
        try:
            self.talk.note(f"connected to {stream.peer}")
            if self._place.implicit if self._place else identity.implicit_tls:
                self.talk.stream = self._tls()
            self._log_in(meanwhile)
        except MailError:
            self.close()
            raise
        except BaseException:
            self.talk.stream.close()
            raise

    @property
    def forgetful(self) -> bool:
        """What the server has read together with the end of a message it throws away, and waits for ever.

        That is Courier, and chasquid before 1.13.
        """
        return COURIER in self.extensions or self._greeting.endswith(CHASQUID)

    def _discover(self, deadline: float) -> "Stream":
        from esmtp_py.deliver.discovery import discover

        stream, self._place = discover(self._identity, deadline)
        self.remote = self._place.host
        return stream

    # -- until the server knows us --------------------------------------------

    def _log_in(self, meanwhile: "Callable[[], object] | None") -> None:
        self._greeting = self.talk.expect(None).lines[0]
        self._hello()
        if not self._secured and self._wants_tls():
            self._start_tls()
            self._hello()
        if self._identity.logs_in:
            from esmtp_py.deliver.login import log_in

            if meanwhile:
                self.talk.meanwhile(meanwhile)
            log_in(self.talk, self._identity, self.extensions, self._secured, self._place)

    def _hello(self) -> None:
        name = self._identity.helo or _own_name(self.talk.stream.local_address())
        if self.lmtp:
            self._learn(self.talk.expect(command.hello(LHLO, name)))
            return
        reply = self.talk.ask(command.hello(EHLO, name))
        if reply.positive:
            self._learn(reply)
        elif reply.permanent and reply.code != 521:
            # RFC 5321 section 3.2: an old server; and it offers nothing
            self.talk.expect(command.hello(HELO, name))
            self.extensions = extensions.NONE
        else:
            raise self.talk.refused(EHLO, reply)

    def _learn(self, reply: "Reply") -> None:
        offered = extensions.Extensions.of(reply)
        # RFC 8689 section 4.1: outside of TLS it is nobody's to offer
        self.extensions = offered if self._secured else offered.without("REQUIRETLS")

    def _wants_tls(self) -> bool:
        """Decides, and refuses to go on where the rc demands what the server does not offer."""
        identity = self._identity
        if identity.starttls == STARTTLS_DISABLED:
            return False
        if "STARTTLS" in self.extensions:
            return identity.tls_wanted or identity.tls_demanded
        if identity.tls_demanded:
            raise MailError("tls", f"{self.remote} does not offer STARTTLS, {_why_tls(identity)}", remote=self.remote)
        return False

    def _start_tls(self) -> None:
        self.talk.meanwhile(self._prepare)
        self.talk.expect(command.plain(STARTTLS))
        stream = self.talk.stream
        if stream.waiting() and stream.receive(0):
            # command injection (CVE-2011-0411): it would be read as if TLS had protected it
            raise MailError("protocol", "the server sent more than its reply to STARTTLS", remote=self.remote)
        self.talk.secured(self._tls())

    def _prepare(self) -> None:
        """Loads what the handshake and the login need, the most of all that a session needs."""
        try:
            self._context = self._new_context()
        except MailError:
            pass  # told when it is needed, which is after the server has agreed
        if self._identity.logs_in:
            import esmtp_py.deliver.login  # noqa: F401

    def _tls(self) -> "TlsStream":
        from esmtp_py.net.tls import TlsStream

        identity = self._identity
        context = self._context or self._new_context()
        host = certificate_name(identity, self._place.host if self._place else "")
        stream = TlsStream(self.talk.stream, context, host, self.talk.deadline(STARTTLS), identity.fingerprint)
        self._secured = stream
        verified = "is that of fingerprint" if identity.fingerprint else f"verified for {host}"
        self.talk.note(f"{stream.description}, certificate {verified}")
        return stream

    def _new_context(self) -> "Context":
        from esmtp_py.net.tls import client_context

        return client_context(self._trust())

    def _trust(self) -> "Trust":
        from esmtp_py.net.tls import Trust

        return Trust.of(self._identity)

    def close(self) -> None:
        """Says QUIT if that is possible and not said, and closes.  Never raises: all mail has its fate by now."""
        try:
            if self.talk.idle:
                self.talk.ask(command.plain(QUIT))
        except MailError:
            pass
        self.talk.stream.close()


def _expect_username(identity: Identity) -> None:
    """Without one nobody would log in, and the rc says that somebody is to."""
    statement = identity.nameless_login
    if statement:
        from esmtp_py.config.build import SPELLING

        where, written = identity.origin.get(statement, identity.where), SPELLING.get(statement, statement)
        raise MailError("config", f"{where}: {written}, but no username; write one, or take it out")


def reach(identity: Identity, server: "Server", deadline: float) -> "Stream":
    """A connection to that server, the way that the rc says."""
    way = (server, deadline, identity.source_address, identity.connect_timeout)
    if identity.proxy and not server.path:
        from esmtp_py.net.proxy import through

        return through(identity.proxy, *way)
    try:
        return connect(*way)
    except MailError as error:
        if error.kind != "unreachable" or "hostname" in identity.origin or server is not identity.server:
            raise
        why = f"{error.text}, where mail goes for want of a hostname: write one for this sender, or run `esmtp --setup`"
        # X.3.5: it is our rc that is at fault, not the server
        raise MailError(error.kind, why, status="4.3.5", remote=error.remote) from error


def _why_tls(identity: Identity) -> str:
    if identity.starttls == STARTTLS_REQUIRED:
        return "and the rc demands it"
    if identity.fingerprint:
        return "so it cannot show the certificate of fingerprint in the rc"
    if identity.server.srv:
        return "so nothing shows that it is the server of the domain, and the DNS may be forged"
    return (
        "so the password would cross the network for all to read; if that is what you want, "
        "write `starttls disabled` in the rc"
    )


def certificate_name(identity: Identity, found: str = "") -> str:
    """Whose certificate the server must show.  found: its name where hostname does not say it."""
    return ascii_domain((identity.tls_hostname or found or identity.server.host).rstrip(".")) or "localhost"


def _own_name(address: str) -> str:
    """The host's full name if it has one, else its address as a literal (RFC 5321 section 4.1.4)."""
    name = os.uname().nodename
    if "." in name.strip(".") and all(c.isalnum() or c in "-." for c in name) and name.isascii():
        return name
    if not address:
        return "localhost"
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from ssl import SSLContext as Context

    from esmtp_py.config.server import Server
    from esmtp_py.net.srv import Place
    from esmtp_py.net.stream import Stream
    from esmtp_py.net.tls import TlsStream, Trust
    from esmtp_py.smtp.reply import Reply, Trace
