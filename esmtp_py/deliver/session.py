"""One connection to an identity's server, from the TCP handshake to QUIT.

Here protocol and socket meet: ``smtp.client`` knows what may be said and which
reply is owed, ``net`` moves the bytes.  ``Session(...)`` returns logged in, or
raises a MailError; ``carry`` takes transactions through it.
"""

import os
import time

from esmtp_py.config.identity import STARTTLS_DISABLED, STARTTLS_REQUIRED, Identity
from esmtp_py.errors import MailError
from esmtp_py.net.connect import connect
from esmtp_py.smtp import command, extensions
from esmtp_py.smtp.client import Client
from esmtp_py.smtp.command import BDAT_LAST, EHLO, GREETING, HELO, LHLO, QUIT, RSET, STARTTLS, Command, Payload
from esmtp_py.smtp.patience import Patience
from esmtp_py.smtp.reply import Reply
from esmtp_py.smtp.transaction import Transaction
from esmtp_py.smtp.verdict import STEP, verdict

# One write to the socket at most; the kernel's own buffer is not much larger.
WRITE_SIZE = 262144


class Session:
    """A connection that is greeted, secured and logged in as the identity says.

    extensions: what the server offers now.  remote: its name, for people.
    """

    def __init__(self, identity: Identity, size: int = 0, trace: "Trace | None" = None) -> None:
        """Connects.  ``size``: bytes of mail that will go through, for the deadline."""
        self.extensions = extensions.NONE
        self.remote = identity.server.host or identity.server.path
        self._identity = identity
        self._trace = trace
        self._patience = Patience(identity.timeout)
        self._end = time.monotonic() + self._patience.session(size)
        self._secure = False
        self._broken = False  # nothing more can be said
        self._payload_written = False
        self._committed = False  # the whole message has been handed to the kernel
        self._answered = 0
        self._stream: Stream | TlsStream = connect(identity.server, self._deadline(self._patience.reply("connect")))
        self._note(f"connected to {self._stream.peer}")
        try:
            if identity.implicit_tls:
                self._secure_stream()
            self._client = Client(trace)
            self._log_in()
        except BaseException:
            self._stream.close()
            raise

    # -- until the server knows us --------------------------------------------

    def _log_in(self) -> None:
        self._expect(None)
        self._hello()
        if not self._secure and self._wants_tls():
            self._start_tls()
            self._hello()
        if self._identity.username:
            self._authenticate()

    def _hello(self) -> None:
        name = self._identity.helo or _own_name(self._stream.local_address())
        if self._identity.server.protocol == "lmtp":
            self.extensions = extensions.Extensions.of(self._expect(command.hello(LHLO, name)))
            return
        reply = self._ask(command.hello(EHLO, name))
        if reply.positive:
            self.extensions = extensions.Extensions.of(reply)
        elif reply.permanent and reply.code != 521:
            # RFC 5321 section 3.2: an old server; and it offers nothing
            self._expect(command.hello(HELO, name))
            self.extensions = extensions.NONE
        else:
            raise self._refused(EHLO, reply)

    def _wants_tls(self) -> bool:
        """Decides, and refuses to go on where the rc demands what the server does not offer."""
        identity = self._identity
        if identity.starttls == STARTTLS_DISABLED:
            return False
        if "STARTTLS" in self.extensions:
            return identity.tls_wanted
        if identity.tls_demanded:
            why = (
                "and the rc demands it"
                if identity.starttls == STARTTLS_REQUIRED
                else "so the password would cross the network for all to read; if that is what you want, "
                "write `starttls disabled` in the rc"
            )
            raise MailError("tls", f"{self.remote} does not offer STARTTLS, {why}", remote=self.remote)
        return False

    def _start_tls(self) -> None:
        self._expect(command.plain(STARTTLS))
        if self._stream.waiting():
            raise MailError("protocol", f"{self.remote} sent more than its reply to STARTTLS", remote=self.remote)
        self._secure_stream()
        self._client.secured()

    def _secure_stream(self) -> None:
        from esmtp_py.net.tls import TlsStream, Trust, client_context

        identity = self._identity
        passphrase = identity.certificate_passphrase.reveal() if identity.certificate_passphrase else None
        context = client_context(Trust(identity.ca_file, identity.ca_dir, identity.certificate, passphrase))
        host = identity.server.host or "localhost"
        tls = TlsStream(self._stream, context, host, self._deadline(self._patience.reply(STARTTLS)))
        self._stream = tls
        self._secure = True
        self._note(f"{tls.description}, certificate verified for {host}")

    def _authenticate(self) -> None:
        from binascii import Error, a2b_base64, b2a_base64

        from esmtp_py.sasl import mechanism

        identity = self._identity
        if not identity.password:
            raise MailError("config", f"no password for {identity.username}: write `password` in the rc")
        name = mechanism.choose(self.extensions.mechanisms, identity.auth, secure=self._secure)
        exchange = mechanism.start(name, identity.username, identity.password.reveal())
        first = next(exchange)
        ask = command.auth(name, None if first is None else b2a_base64(first, newline=False))
        while (reply := self._ask(ask)).code == 334:
            try:
                response = exchange.send(a2b_base64(reply.lines[0]))
            except (StopIteration, Error) as error:
                raise MailError("auth", f"{self.remote} does not follow {name}: {reply}", remote=self.remote) from error
            ask = command.auth_response(b2a_base64(response or b"", newline=False))
        if not reply.positive:
            raise self._refused(ask.verb, reply)

    # -- mail -------------------------------------------------------------------

    def carry(self, transaction: Transaction, *, last: bool) -> None:
        """Takes a transaction to its end: each recipient then has an outcome or is in ``remaining``.

        last: no other follows, so QUIT may ride in the same flight.
        Raises MailError, after the transaction was told, when the session is lost.
        """
        self._committed = False
        try:
            if not self._client.ready:
                self._expect(command.plain(RSET))
            flight = transaction.opening()
            for each in flight:
                self._client.send(each)
            if last and flight and flight[-1].verb == BDAT_LAST:
                self._client.send(command.plain(QUIT))
            while not transaction.done:
                self._exchange()
        except MailError as error:
            # a server that said 421 instead of an answer did not take the message
            transaction.lost(error, committed=self._committed and error.kind != "try_again")
            raise
        if self._client.closing:
            self._await_goodbye(transaction)

    def _await_goodbye(self, transaction: Transaction) -> None:
        """QUIT is on its way.  Its 221 proves that no reply was taken for another; without it, nothing is known."""
        try:
            while self._client.owed:
                self._exchange()
        except MailError as error:
            if error.kind == "protocol":
                transaction.doubt(error)

    def close(self) -> None:
        """Says QUIT if that is possible and not said, and closes.  Never raises: all mail has its fate by now."""
        try:
            if not self.over and not self._client.owed:
                self._ask(command.plain(QUIT))
        except MailError:
            pass
        self._stream.close()

    @property
    def over(self) -> bool:
        """No further transaction can go through."""
        return self._broken or self._client.closing

    # -- bytes --------------------------------------------------------------------

    def _expect(self, ask: Command | None) -> Reply:
        """The positive reply to a command (None: to the connection itself), or MailError."""
        reply = self._ask(ask)
        if not reply.positive:
            raise self._refused(ask.verb if ask else GREETING, reply)
        return reply

    def _ask(self, ask: Command | None) -> Reply:
        if ask:
            self._client.send(ask)
        self._reply: Reply | None = None
        while self._reply is None:
            self._exchange()
        return self._reply

    def _exchange(self) -> None:
        """Writes what is to be said, waits for one more reply, and acts on all that have come."""
        self._flush()
        oldest = self._client.owed
        verb = oldest.verb if oldest else QUIT
        deadline = self._deadline(self._patience.reply(verb))
        answered = self._answered
        try:
            while self._answered == answered:
                data = self._stream.receive(deadline)
                if not data:
                    raise MailError("connection_lost", f"{self._stream.peer} closed the connection")
                self._take(data)
        except MailError as error:
            raise self._placed(error, f"waiting for the reply to {STEP.get(verb, verb)}") from error

    def _take(self, data: bytes, unfinished: Command | None = None) -> None:
        """Acts on each reply in ``data``.  unfinished: the command whose payload is not yet all written."""
        for answered, reply in self._client.feed(data):
            self._answered += 1
            if answered is unfinished and reply.positive:
                raise MailError("protocol", f"{self.remote} accepted a message before its end: {reply}")
            if answered.owner:
                for following in answered.owner.answered(answered, reply):
                    self._client.send(following)
            else:
                self._reply = reply
            if answered.payload and not reply.positive:
                self._broken = self._broken or answered is unfinished
            if reply.code == 421 and answered.verb != QUIT:
                self._broken = True
                raise self._refused(answered.verb, reply, kind="try_again")

    def _flush(self) -> None:
        """Writes all that the client has to say, a flight in one write."""
        buffer = bytearray()
        for piece in self._client.output():
            if not isinstance(piece, Payload):
                buffer += piece
            elif not self._stream_payload(piece, buffer):
                return
        if buffer:
            self._write(buffer)
        self._committed = self._committed or self._payload_written
        self._payload_written = False

    def _stream_payload(self, payload: Payload, buffer: bytearray) -> bool:
        """Writes a payload but for its last bytes, which stay in ``buffer``; False when the server cut it short."""
        if self._trace and payload.header:
            for line in payload.header.splitlines():
                self._trace("H", line)
        for chunk in payload.chunks():
            if len(buffer) + len(chunk) > WRITE_SIZE:
                self._write(buffer)
                buffer.clear()
                if self._stream.waiting() and self._cut_short():
                    return False
            buffer += chunk
        self._payload_written = True
        return True

    def _cut_short(self) -> bool:
        """The server speaks while we send: has it refused the message?  Then the rest is for nothing."""
        unfinished = self._client.last_payload
        self._take(self._stream.receive(0), unfinished)
        return self._broken

    def _write(self, data: bytearray) -> None:
        try:
            self._stream.send(data, self._deadline(self._patience.block))
        except MailError as error:
            self._broken = True
            self._hear_last_words()
            raise self._placed(error, "sending") from error

    def _hear_last_words(self) -> None:
        """A server that closes on us has often said why before."""
        try:
            while data := self._stream.receive(self._deadline(1)):
                self._take(data, self._client.last_payload)
        except MailError:
            pass

    def _deadline(self, seconds: float) -> float:
        return min(self._end, time.monotonic() + seconds)

    def _refused(self, verb: str, reply: Reply, *, kind: str = "") -> MailError:
        fate = verdict(verb, reply, self.remote)
        advice = "; check username and password in the rc" if fate.kind == "auth" else ""
        return MailError(
            kind or fate.kind, fate.text + advice, status=fate.status, remote=self.remote, reply=fate.reply
        )

    def _placed(self, error: MailError, step: str) -> MailError:
        """Says at which step a connection was lost."""
        if error.kind in ("connection_lost", "tls"):
            self._broken = True
            return MailError(error.kind, f"{error.text}, while {step}", status=error.status, remote=self.remote)
        return error

    def _note(self, text: str) -> None:
        if self._trace:
            self._trace("*", text.encode("utf-8", "replace"))


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
    from esmtp_py.net.stream import Stream
    from esmtp_py.net.tls import TlsStream
    from esmtp_py.smtp.reply import Trace
