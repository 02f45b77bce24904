"""~/dead.letter: the last place for a mail that could neither be sent nor returned."""

import os
import time

from esmtp_py.deliver.logfile import open_log
from esmtp_py.errors import MailError
from esmtp_py.message.newlines import to_lf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from esmtp_py.message.message import Message

NAME = "dead.letter"
# Somebody else's lock is kept for as long as one mail takes to be written.
_PATIENCE = 10.0
_POSTMARK = b"\nFrom "


def save(message: "Message", sender: str, home: str) -> str:
    """Appends the message to dead.letter in ``home``, as an mbox does; returns the path.

    MailError when there is no home, or the file cannot be written or trusted;
    it is as long as before then.
    """
    if not home:
        raise MailError("cannot_create", "there is no home directory to save the mail in")
    path = os.path.join(home, NAME)
    fd = open_log(path)
    try:
        _lock(fd, path)
        _append(fd, message, sender)
    except OSError as error:
        raise MailError("io", f"{path}: {error.strerror}") from error
    finally:
        os.close(fd)
    return path


def _append(fd: int, message: "Message", sender: str) -> None:
    before = os.fstat(fd).st_size
    try:
        for chunk in _mbox(message, sender):
            rest = memoryview(chunk)
            while rest:
                rest = rest[os.write(fd, rest) :]
        os.fsync(fd)
    except BaseException:
        os.ftruncate(fd, before)
        raise


def _lock(fd: int, path: str) -> None:
    """Waits its turn among the mail programs that write here too, but not for ever."""
    import fcntl

    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise MailError("io", f"{path} is locked by another program") from None
            time.sleep(0.05)


def _mbox(message: "Message", sender: str) -> "Iterator[bytes]":
    """The message between the lines an mbox wants: postmark before, a blank one after."""
    postmark = f"From {sender.replace(' ', '_') or 'MAILER-DAEMON'} {time.asctime(time.gmtime())}\n"
    yield postmark.encode("utf-8", "backslashreplace")
    last = b""
    for chunk in quote_from(to_lf(message.chunks())):
        yield chunk
        last = chunk[-1:] or last
    yield b"\n" if last == b"\n" else b"\n\n"


def quote_from(chunks: "Iterable[bytes]") -> "Iterator[bytes]":
    """The same lines, with ``>`` before each that a reader of an mbox would take for the next mail's begin."""
    held = b""
    for chunk in chunks:
        data = (held + chunk).replace(_POSTMARK, b"\n>From ")
        # what may become a postmark with the next chunk
        keep = next((size for size in range(len(_POSTMARK) - 1, 0, -1) if data.endswith(_POSTMARK[:size])), 0)
        held = data[len(data) - keep :]
        yield data[: len(data) - keep]
    yield held
