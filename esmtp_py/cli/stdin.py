"""Standard input becomes a Message: all of it or nothing."""

import os

from esmtp_py.errors import MailError
from esmtp_py.message.intake import Intake
from esmtp_py.message.message import Message
from esmtp_py.spool import Spool

STDIN = 0
# A pipe holds that much.
_CHUNK = 65536


def read_message(*, dot_ends: bool, binary: bool) -> "tuple[Message, MailError | None]":
    """Reads a message to its end.

    With an error for content that cannot be sent comes the part before it, fit
    for a report but not for sending.  A MailError of any other kind is raised:
    input that breaks off, by an error or a signal, is no message.
    """
    intake, spool, fault = Intake(dot_ends, binary), Spool(), None
    try:
        while not intake.ended and (data := _read()):
            spool.write(intake.feed(data))
        spool.write(intake.finish())
    except KeyboardInterrupt:
        raise MailError("unreadable", "stopped by a signal before the message was complete; nothing was sent") from None
    except MailError as error:
        if error.kind != "content":
            raise
        fault = error
    spool.finish()
    return Message(intake.header, spool), fault


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
