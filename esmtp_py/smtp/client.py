"""The client's end of one SMTP or LMTP connection, without the connection.

It knows which replies it is owed, in order; a reply it is not owed is an
error.  ``send`` takes commands, ``output`` gives the bytes to write, ``feed``
takes the bytes read and gives back each command with its reply.
"""

from esmtp_py.errors import MailError
from esmtp_py.smtp import order
from esmtp_py.smtp.command import AUTH, DATA, GREETING, RESPONSE, STARTTLS, Command
from esmtp_py.smtp.reply import Reply, ReplyParser


class OutOfOrder(Exception):
    """We tried a command that is not legal now: our bug, never the peer's."""


class OutOfStep(MailError):
    """A reply that answers nothing, or cannot answer what it is for: those before it may be for something else too."""

    def __init__(self, text: str, reply: Reply) -> None:
        super().__init__("protocol", f"{text}: {reply}", reply=str(reply))


class Client:
    """One connection.  A new one is owed its greeting."""

    __slots__ = ("_before", "_owed", "_parser", "_queue", "_state")

    def __init__(self, trace: "Trace | None" = None) -> None:
        self._parser = ReplyParser(trace)
        self._state = order.GREETED
        self._owed: list[Command] = [Command(GREETING)]
        self._queue: list[Command] = []
        self._before = ""  # what was answered last

    @property
    def owed(self) -> "Command | None":
        """The command whose reply comes next; its first bytes have been written."""
        return self._owed[0] if self._owed else None

    @property
    def next(self) -> "Command | None":
        """The command to be written next."""
        return self._queue[0] if self._queue else None

    @property
    def idle(self) -> bool:
        """Nothing is owed, and not one byte too many has come."""
        return not self._owed and self._parser.idle

    @property
    def closing(self) -> bool:
        """QUIT has been said."""
        return self._state == order.CLOSING

    def allows(self, verb: str) -> bool:
        return verb in order.SEND[self._state]

    def send(self, command: Command) -> None:
        """Queue a command for ``output``."""
        if not self.allows(command.verb):
            raise OutOfOrder(f"{command.verb} while {self._state}")
        self._state = order.SEND[self._state][command.verb]
        self._queue.append(command)

    def veil(self, secret: bytes) -> None:
        """Should the server quote this secret, in whatever form, nobody gets to see it."""
        self._parser.veil(secret)

    def output(self) -> "Iterator[Command]":
        """What to write now, in order: each command's line, then its payload.

        A command is owed its reply from the moment it is taken from here, and
        may be written from then on: a reply that comes earlier is an answer to something else.
        """
        while self._queue:
            command = self._queue.pop(0)
            self._owed.append(command)
            self._parser.conceal(command.secret)
            yield command

    def feed(self, data: bytes) -> "Iterator[tuple[Command, Reply]]":
        """Bytes from the server, as answers: act on each before asking for the next.

        Raises MailError: "protocol" for anything the server should not have
        said now; "try_again" for a 421 that answers nothing.
        """
        for reply in self._parser.feed(data):
            yield self._settle(reply), reply

    def secured(self) -> None:
        """The TLS handshake after STARTTLS is done: forget all, greet again (RFC 3207)."""
        if not self.idle:
            raise _injected()
        self._state = order.GREETED

    def _settle(self, reply: Reply) -> Command:
        if not self._owed:
            if reply.code == 421:
                raise MailError("try_again", f"the server closes the connection: {reply}", reply=str(reply))
            raise OutOfStep("the server sent a reply that nobody asked for", reply)
        command = self._owed[0]
        if not order.in_step(command.verb, reply.code, self._before):
            raise OutOfStep(f"the server is out of step, in reply to {command.verb} it said", reply)
        self._before = command.verb
        command.replies -= 1
        if command.replies <= 0:
            del self._owed[0]
        self._turn(command, reply)
        return command

    def _turn(self, command: Command, reply: Reply) -> None:
        """The few replies that change what may be sent."""
        if (command.verb in (AUTH, RESPONSE) and reply.code != 334) or (command.verb == DATA and not reply.positive):
            self._state = order.READY
        elif command.verb == STARTTLS:
            if not reply.positive:
                self._state = order.READY
            elif not self._parser.idle or self._owed:
                raise _injected()


def _injected() -> MailError:
    """Command injection (CVE-2011-0411): what came in the clear would be read as if TLS had protected it."""
    return MailError("protocol", "the server sent more than its reply to STARTTLS")


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmtp_py.smtp.reply import Trace
