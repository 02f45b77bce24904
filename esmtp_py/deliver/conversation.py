"""Where protocol and socket meet: ``smtp.client`` knows what may be said and which reply is owed, ``net`` moves bytes.

A Conversation is blocking: ``ask`` a command and get its reply, or ``say``
commands whose owner is told each reply, and ``exchange`` until it is content.
"""

import time

from esmtp_py.errors import MailError
from esmtp_py.smtp import command
from esmtp_py.smtp.client import Client
from esmtp_py.smtp.command import BDAT_LAST, BODY, GREETING, QUIT, Command, Payload
from esmtp_py.smtp.patience import Patience
from esmtp_py.smtp.reply import Reply
from esmtp_py.smtp.verdict import STEP, verdict

# One write to the socket at most; the kernel's own buffer is not much larger.
WRITE_SIZE = 262144


class Conversation:
    """One client with one stream.

    remote:    the server's name, for people.
    last:      no transaction follows: QUIT goes right behind the next message.
    broken:    nothing more can be said on this connection.
    """

    def __init__(self, stream: "Stream", patience: Patience, end: float, remote: str, trace: "Trace | None") -> None:
        """end: when the whole session must be over, in seconds of time.monotonic()."""
        self.remote = remote
        self.last = False
        self.broken = False
        self.stream: Stream | TlsStream = stream
        self._client = Client(trace)
        self._patience = patience
        self._end = end
        self._trace = trace
        self._answered = 0
        self._reply: Reply | None = None

    @property
    def idle(self) -> bool:
        """A command may be said, and nothing is owed."""
        return not self.over and not self._client.owed

    @property
    def owes(self) -> bool:
        return self._client.owed is not None

    @property
    def ready(self) -> bool:
        """A transaction may begin."""
        return self._client.ready

    @property
    def over(self) -> bool:
        """No further transaction can go through."""
        return self.broken or self._client.closing

    def deadline(self, verb: str) -> float:
        """When the reply to ``verb`` must be here."""
        return self._within(self._patience.reply(verb))

    def secured(self, stream: "TlsStream") -> None:
        """The stream is encrypted from here on."""
        self.stream = stream
        self._client.secured()

    def expect(self, ask: Command | None) -> Reply:
        """The positive reply to a command (None: to the connection itself), or MailError."""
        reply = self.ask(ask)
        if not reply.positive:
            raise self.refused(ask.verb if ask else GREETING, reply)
        return reply

    def ask(self, ask: Command | None) -> Reply:
        if ask:
            self._client.send(ask)
        self._reply = None
        while self._reply is None:
            self.exchange()
        return self._reply

    def say(self, commands: list[Command]) -> None:
        """Queues commands; QUIT goes right behind the last message (RFC 2920 section 3.1)."""
        for each in commands:
            self._client.send(each)
            if self.last and each.verb in (BDAT_LAST, BODY) and not (each.owner and each.owner.remaining):
                self._client.send(command.plain(QUIT))

    def exchange(self) -> None:
        """Writes what is to be said, waits for one more reply, and acts on all that have come."""
        self._flush()
        oldest = self._client.owed
        verb = oldest.verb if oldest else QUIT
        deadline = self.deadline(verb)
        answered = self._answered
        try:
            while self._answered == answered:
                data = self.stream.receive(deadline)
                if not data:
                    raise MailError("connection_lost", f"{self.stream.peer} closed the connection")
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
                self.say(answered.owner.answered(answered, reply))
            else:
                self._reply = reply
            if answered.payload and not reply.positive:
                self.broken = self.broken or answered is unfinished
            if reply.code == 421 and answered.verb != QUIT:
                self.broken = True
                raise self.refused(answered.verb, reply, kind="try_again")

    def _flush(self) -> None:
        """Writes all that the client has to say, a flight in one write."""
        buffer = bytearray()
        output = self._client.output()
        for each in output:
            if self._trace and each.shown:
                self._trace("C", each.shown)
            buffer += each.line
            if each.payload and not self._send_payload(each.payload, buffer):
                return
        if buffer:
            self._write(buffer)
        for each in output:
            each.sent = True

    def _send_payload(self, payload: Payload, buffer: bytearray) -> bool:
        """Writes a payload but for its last bytes, which stay in ``buffer``; False when the server cut it short."""
        if self._trace and payload.header:
            for line in payload.header.splitlines():
                self._trace("H", line)
        for chunk in payload.chunks():
            if len(buffer) + len(chunk) > WRITE_SIZE:
                self._write(buffer)
                buffer.clear()
                if self.stream.waiting() and self._cut_short():
                    return False
            buffer += chunk
        return True

    def _cut_short(self) -> bool:
        """The server speaks while we send: has it refused the message?  Then the rest is for nothing."""
        unfinished = self._client.last_payload
        self._take(self.stream.receive(0), unfinished)
        return self.broken

    def _write(self, data: bytearray) -> None:
        try:
            self.stream.send(data, self._within(self._patience.block))
        except MailError as error:
            self.broken = True
            self._hear_last_words()
            raise self._placed(error, "sending") from error

    def _hear_last_words(self) -> None:
        """A server that closes on us has often said why before."""
        try:
            while data := self.stream.receive(self._within(1)):
                self._take(data, self._client.last_payload)
        except MailError:
            pass

    def _within(self, seconds: float) -> float:
        return min(self._end, time.monotonic() + seconds)

    def refused(self, verb: str, reply: Reply, *, kind: str = "") -> MailError:
        fate = verdict(verb, reply, self.remote)
        advice = "; check username and password in the rc" if fate.kind == "auth" else ""
        return MailError(
            kind or fate.kind, fate.text + advice, status=fate.status, remote=self.remote, reply=fate.reply
        )

    def _placed(self, error: MailError, step: str) -> MailError:
        """Says at which step a connection was lost."""
        if error.kind in ("connection_lost", "tls"):
            self.broken = True
            return MailError(error.kind, f"{error.text}, while {step}", status=error.status, remote=self.remote)
        return error

    def note(self, text: str) -> None:
        if self._trace:
            self._trace("*", text.encode("utf-8", "replace"))


TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.net.stream import Stream
    from esmtp_py.net.tls import TlsStream
    from esmtp_py.smtp.reply import Trace
