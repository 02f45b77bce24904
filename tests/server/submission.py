"""A submission server on loopback that remembers everything."""

import socket
import ssl
import threading
from collections.abc import Iterable, Mapping

from tests.server.auth import MECHANISMS
from tests.server.authority import Authority, Certificate, shared_authority, shared_certificate
from tests.server.listener import PATIENCE, Listener
from tests.server.session import EXTENSIONS, Session
from tests.server.transaction import Mail


class SubmissionServer(Listener):
    """``with SubmissionServer() as server:`` listens, answers, and stores what it takes.

    What to offer:
      without:       extensions to leave out, e.g. ("PIPELINING", "CHUNKING").
      tls:           "starttls" (default), "implicit", or "none".
      protocol:      "smtp" or "lmtp".
      mechanisms:    of AUTH, PLAIN LOGIN CRAM-MD5 unless told, any of these and of sasl.MECHANISMS; () for none.
      binds:         SCRAM knows channel binding, which is so when a -PLUS is offered unless told.
      users:         {name: password}, alice with "secret" unless told.
    What to demand:
      require_auth:  before MAIL; the default is yes, unless there are no mechanisms.
      require_tls:   before MAIL, when tls is "starttls".
      auth_in_clear: offer AUTH before STARTTLS too.
      size_limit:    bytes.   recipient_limit: the next RCPT gets 452.
    Where and as whom:
      path:          of a unix socket, instead of host and port.
      certificate:   for "localhost" and the loopback addresses unless given; or
      context:       a whole ssl.SSLContext of the test's own.
    replies: answers other than the usual, by command and, if wished, address:
      {"RCPT bob@example.test": "550 5.1.1 no such user", "END": "451 4.3.0 later", "QUIT": ""}
      The keys are GREETING, END (of the data; in LMTP with the recipient) and the verbs.
      "" closes the connection without a word; a 421 closes it afterwards.
      The dictionary may be changed while the server runs.

    Afterwards:
      mails:      list of Mail, complete when the client has its 250.
      sessions:   list of Session, in order of connection; complete after ``settle()`` or the ``with``.
      violations, dialogue: those of all sessions, one after the other.
    """

    name = "mx.example.test"

    def __init__(
        self,
        *,
        without: Iterable[str] = (),
        tls: str = "starttls",
        protocol: str = "smtp",
        mechanisms: Iterable[str] = tuple(MECHANISMS),
        users: Mapping[str, str] | None = None,
        binds: bool | None = None,
        require_auth: bool | None = None,
        require_tls: bool = True,
        auth_in_clear: bool = False,
        size_limit: int = 50_000_000,
        recipient_limit: int = 1000,
        path: str = "",
        host: str = "127.0.0.1",
        port: int = 0,
        certificate: Certificate | None = None,
        context: ssl.SSLContext | None = None,
        replies: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(path=path, host=host, port=port)
        unknown = set(without) - set(EXTENSIONS)
        if unknown or tls not in ("starttls", "implicit", "none") or protocol not in ("smtp", "lmtp"):
            raise ValueError(f"no such extension, tls or protocol: {unknown or (tls, protocol)}")
        self.extensions = tuple(e for e in EXTENSIONS if e not in without)
        self.tls = tls
        self.protocol = protocol
        self.mechanisms = tuple(mechanisms)
        self.binds = any(name.endswith("-PLUS") for name in self.mechanisms) if binds is None else binds
        self.users = {"alice": "secret"} if users is None else dict(users)
        self.require_auth = bool(self.mechanisms) if require_auth is None else require_auth
        self.require_tls = require_tls
        self.auth_in_clear = auth_in_clear
        self.size_limit = size_limit
        self.recipient_limit = recipient_limit
        self.replies = dict(replies or {})
        self.mails: list[Mail] = []
        self.sessions: list[Session] = []
        self._arrival = threading.Condition()
        self._here = threading.local()
        self._context = context or self._own_context(certificate)

    @property
    def authority(self) -> Authority:
        """Whose certificate the server shows, unless the test gave another: ``ca_file`` is authority.file."""
        return shared_authority()

    @property
    def violations(self) -> list[str]:
        return [text for session in self.sessions for text in session.violations]

    @property
    def dialogue(self) -> list[tuple[str, bytes]]:
        return [line for session in self.sessions for line in session.dialogue]

    def wait(self, mails: int) -> None:
        """Until so many mails are here, for clients that run in the background.  Raises TimeoutError."""
        with self._arrival:
            if not self._arrival.wait_for(lambda: len(self.mails) >= mails, PATIENCE):
                raise TimeoutError(f"{len(self.mails)} mails instead of {mails}")

    def take(self, mail: Mail) -> None:
        """For Session."""
        with self._arrival:
            self.mails.append(mail)
            self._arrival.notify_all()

    def planned(self, what: str, subject: str) -> str | None:
        """The reply of ``replies`` for this command and address, or None.  For Session."""
        return self.replies.get(f"{what} {subject}", self.replies.get(what))

    def handshake(self, session: Session, connection: socket.socket) -> ssl.SSLSocket:
        """For Session."""
        self._here.session = session
        return self.start_tls(connection, self._context)

    def serve(self, connection: socket.socket) -> None:
        session = Session(self, connection)
        self.sessions.append(session)
        session.run()

    def _own_context(self, certificate: Certificate | None) -> ssl.SSLContext:
        context = (certificate or shared_certificate()).server_context()
        context.sni_callback = self._remember_name
        return context

    def _remember_name(self, connection: object, name: str | None, context: object) -> None:
        self._here.session.server_name = name or ""
