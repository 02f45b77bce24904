"""Standard input becomes a Message: all of it or nothing.  On its way into the queue it need not even be held."""

import os

from esmtp_py.errors import MailError
from esmtp_py.message.intake import Intake

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmtp_py.message.header import Header
    from esmtp_py.message.message import Message

STDIN = 0
# A pipe holds that much.
_CHUNK = 65536
# Whoever writes more than that behind a mail that is refused does not wait for our exit code.
_HEARD_OUT = 64 << 20


def read_message(*, dot_ends: bool, binary: bool) -> "tuple[Message, MailError | None]":
    """Reads a message to its end.

    With an error for content that cannot be sent comes the part before it, fit
    for a report but not for sending.  A MailError of any other kind is raised:
    input that breaks off, by an error or a signal, is no message.
    """
    from esmtp_py.message.message import Message
    from esmtp_py.spool import Spool

    intake, spool, fault = Intake(dot_ends, binary), Spool(), None
    try:
        while not intake.ended and (data := _read()):
            spool.write(intake.feed(data))
        spool.write(intake.finish())
    except KeyboardInterrupt:
        raise _stopped() from None
    except MailError as error:
        if error.kind != "content":
            raise
        fault = error
    spool.finish()
    return Message(intake.header, spool, binary=binary), fault


class Incoming:
    """A message that is read while it is written elsewhere: ``header`` first, ``chunks`` then, each once.

    Both raise MailError as ``read_message`` does, and "content", too: what was made of the part before is for nothing.
    """

    __slots__ = ("_body", "_intake", "_over")

    def __init__(self, *, dot_ends: bool, binary: bool) -> None:
        self._intake = Intake(dot_ends, binary)
        self._body = b""  # what has been read of it
        self._over = False

    def header(self) -> "Header":
        """May be edited until ``chunks`` is called."""
        while not (self._intake.header_over or self._over):
            self._body += self._take()
        return self._intake.header

    def chunks(self) -> "Iterator[bytes]":
        """The whole message, as Message.chunks() has it."""
        yield bytes(self._intake.header) + b"\r\n"
        yield self._body
        while not self._over:
            yield self._take()

    def hear_out(self) -> None:
        """Reads what the caller is still writing: a broken pipe would hide our exit code from it."""
        heard = 0
        try:
            while not self._over and heard < _HEARD_OUT and (data := _read()):
                heard += len(data)
        except MailError:
            pass

    def _take(self) -> bytes:
        """The body bytes in the next piece of the input."""
        over, self._over = self._over, True  # also when this fails
        try:
            data = _read()
            body = self._intake.feed(data) if data else self._intake.finish()
            self._over = over or not data or self._intake.ended
            if self._intake.ended and data:
                body += self._intake.finish()
            return body
        except KeyboardInterrupt:
            raise _stopped() from None


def _stopped() -> MailError:
    return MailError("unreadable", "stopped by a signal before the message was complete; nothing was sent")


def _read() -> bytes:
    while True:
        try:
            return os.read(STDIN, _CHUNK)
        except BlockingIOError:
            _wait()
        except OSError as error:
            # EIO and the like are the device's fault; a closed input, or a directory, the caller's
            kind = "unreadable" if isinstance(error, IsADirectoryError) or error.errno == 9 else "io"
            raise MailError(kind, f"cannot read standard input: {error.strerror}; nothing was sent") from error


def _wait() -> None:
    """Some callers leave their end of a shared pipe or terminal non-blocking."""
    import select

    select.select([STDIN], [], [])
