"""Where protocol and socket meet: ``smtp.client`` knows what may be said and which reply is owed, ``net`` moves bytes.

A Conversation is blocking: ``ask`` a command and get its reply, or ``say``
commands whose owner is told each reply, and ``exchange`` until it is content.
"""

import time

from esmtp_py.errors import MailError
from esmtp_py.smtp import command
from esmtp_py.smtp.client import Client, OutOfStep
from esmtp_py.smtp.command import BDAT_LAST, BODY, GREETING, QUIT, STARTTLS, Command
from esmtp_py.smtp.patience import SLOWEST_LINE, Patience
from esmtp_py.smtp.reply import Reply
from esmtp_py.smtp.verdict import STEP, verdict

# One write to the socket at most; the kernel's own buffer is not much larger.
WRITE_SIZE = 262144
CHECK_LOGIN = "check username and password in the rc"


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
        self._socket = stream
        self._client = Client(trace)
        self._patience = patience
        self._end = end
        self._trace = trace
        self._answered = 0
        self._reply: Reply | None = None
        self._chore: Callable[[], object] | None = None

    @property
    def idle(self) -> bool:
        """QUIT may be said, and nothing is owed."""
        return not self.over and not self._client.owed and self._client.allows(QUIT)

    @property
    def owes(self) -> bool:
        """A reply will come, as far as anyone can tell."""
        return not self.broken and self._client.owed is not None

    @property
    def over(self) -> bool:
        """No further transaction can go through."""
        return self.broken or self._client.closing

    def deadline(self, verb: str) -> float:
        """When the reply to ``verb`` must be here."""
        return self._within(self._patience.reply(verb))

    def allow(self, size: int) -> None:
        """Another message of ``size`` bytes goes through this session: it may take longer."""
        self._end += size / SLOWEST_LINE

    def cut(self) -> None:
        """From another thread: the connection is lost."""
        self._socket.cut()

    def veil(self, secret: "Secret") -> None:
        """No message, trace or report shows it, should the server quote it."""
        try:
            self._client.veil(secret.reveal().encode("utf-8", "surrogateescape"))
        except UnicodeEncodeError:
            pass  # half a character: it is not sent either

    def meanwhile(self, chore: "Callable[[], object]") -> None:
        """Does that while the server makes up its mind about what is said next; it must not raise MailError."""
        self._chore = chore

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
        if not ask or ask.verb != STARTTLS:  # there it is not even read
            self._hear_no_more()
        return self._reply

    def say(self, commands: list[Command]) -> None:
        """Queues commands; QUIT goes right behind the last message (RFC 2920 section 3.1)."""
        for each in commands:
            self._client.send(each)
            if self.last and each.verb in (BDAT_LAST, BODY) and not (each.owner and each.owner.remaining):
                self._client.send(command.plain(QUIT))

    def exchange(self) -> None:
        """Writes what is to be said, waits for one more reply, and acts on all that have come.

        Raises MailError when that ends the conversation.
        """
        answered = self._answered
        try:
            self._flush()
            oldest = self._client.owed
            if not oldest and answered == self._answered:
                raise MailError("try_again", f"{self.remote} was not asked any more, for the session was cut short")
            step = f"while waiting for the reply to {_step(oldest)}"
            deadline = self.deadline(oldest.verb if oldest else QUIT)
            self._do_chore()
            while answered == self._answered:
                self._hear(deadline, step)
        except MailError as error:
            self._broke(error)
            raise

    def _do_chore(self) -> None:
        chore, self._chore = self._chore, None
        if chore:
            chore()

    def listen(self) -> None:
        """Raises MailError when the server, which owes nothing, says something all the same, or is gone."""
        try:
            self._hear_nothing("before the next mail")
        except MailError as error:
            self._broke(error)
            raise

    def _hear_no_more(self) -> None:
        """What came with a reply is looked at before anything is decided; that the server is gone can wait."""
        while not self.over and not self._client.owed:
            try:
                data = self.stream.receive(0) if self.stream.waiting() else b""
            except MailError:
                return
            if not data:
                return
            try:
                self._take(data)
            except MailError as error:
                self._broke(error)
                raise

    def _broke(self, error: MailError) -> None:
        """The conversation is over with ``error``."""
        self.broken = True
        if error.kind == "protocol":
            error.remote = self.remote

    def _hear(self, deadline: float, step: str) -> None:
        """Acts on what comes next.  step: what we are doing, should the connection be lost."""
        try:
            data = self.stream.receive(deadline)
            if not data:
                raise MailError("connection_lost", f"{self.stream.peer} closed the connection", remote=self.remote)
        except MailError as error:
            raise _placed(error, step) from error
        self._take(data)

    def _take(self, data: bytes) -> None:
        """Acts on each reply in ``data``."""
        for answered, reply in self._client.feed(data):
            self._answered += 1
            if answered.payload and not answered.whole:
                if reply.positive:
                    raise OutOfStep(f"{self.remote} accepted a message before its end", reply)
                # the rest is for nothing, and what else we said would be taken for a part of it
                self.broken = True
            if answered.owner:
                self.say(answered.owner.answered(answered, reply))
            else:
                self._reply = reply
            if answered.verb == QUIT:
                return  # what else it has to say concerns nobody
            if reply.code == 421:
                raise self.refused(answered.verb, reply, kind="try_again")

    def _flush(self) -> None:
        """Writes all that the client has to say, a flight in one write."""
        if self.broken:
            return  # in the middle of a message
        if self._client.next and not self._client.owed:
            self._hear_nothing(f"before {_step(self._client.next)}")
        flight = bytearray()
        ending: list[Command] = []  # commands that are over with the last byte of the flight
        for each in self._client.output():
            self._show(each)
            flight += each.line
            for chunk in each.payload.chunks() if each.payload else ():
                if len(flight) + len(chunk) > WRITE_SIZE:
                    self._write(flight, ending)
                    if self._cut_short():
                        return
                flight += chunk
            ending.append(each)
        if flight:
            self._write(flight, ending)

    def _hear_nothing(self, step: str) -> None:
        """Nothing is owed: what has come by now would be taken for an answer to what we are going to say."""
        while self._waiting(step):
            self._hear(0, step)
        if not self._client.idle:
            raise MailError("protocol", f"{self.remote} began a reply that nobody asked for")

    def _show(self, command: Command) -> None:
        if self._trace and command.shown:
            self._trace("C", command.shown)
        if self._trace and command.payload:
            for line in command.payload.header.splitlines():
                self._trace("H", line)

    def _cut_short(self) -> bool:
        """The server speaks while we send a message: has it refused it?"""
        while not self.broken and self._waiting("while sending"):
            self._hear(0, "while sending")
        return self.broken

    def _waiting(self, step: str) -> bool:
        try:
            return self.stream.waiting()
        except MailError as error:
            raise _placed(error, step) from error

    def _write(self, flight: bytearray, ending: list[Command]) -> None:
        """Writes and empties both.  From the first byte on nobody knows how much of it arrives."""
        for each in ending:
            each.sent = True
        try:
            self.stream.send(flight, self._within(self._patience.block))
        except MailError as error:
            self._hear_last_words()
            raise _placed(error, "while sending") from error
        for each in ending:
            each.whole = True
        flight.clear()
        ending.clear()

    def _hear_last_words(self) -> None:
        """A server that closes on us has often said why before."""
        deadline = self._within(1)
        try:
            while data := self.stream.receive(deadline):
                self._take(data)
        except MailError:
            pass

    def _within(self, seconds: float) -> float:
        return min(self._end, time.monotonic() + seconds)

    def refused(self, verb: str, reply: Reply, *, kind: str = "", advice: str = CHECK_LOGIN) -> MailError:
        """advice: what to do when it is the login that is refused."""
        fate = verdict(verb, reply, self.remote)
        text = f"{fate.text}; {advice}" if fate.kind == "auth" else fate.text
        return MailError(kind or fate.kind, text, status=fate.status, remote=self.remote, reply=fate.reply)

    def note(self, text: str) -> None:
        if self._trace:
            self._trace("*", text.encode("utf-8", "replace"))


def _step(command: Command | None) -> str:
    return STEP.get(command.verb, command.verb) if command else "nothing"


def _placed(error: MailError, step: str) -> MailError:
    """Says at which step a connection was lost."""
    return MailError(error.kind, f"{error.text}, {step}", status=error.status, remote=error.remote)


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from esmtp_py.concealed import Secret
    from esmtp_py.net.stream import Stream
    from esmtp_py.net.tls import TlsStream
    from esmtp_py.smtp.reply import Trace
