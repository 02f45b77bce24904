"""Appending a mail to an mbox: one file for many mails, each behind a line ``From SENDER DATE``.

Lines of a mail that begin so are quoted by a ``>``, those that begin with
``>``s and ``From `` by one more, so that a reader can undo it (mboxrd).
"""

import os
import time
from itertools import chain

from esmtp_py.deliver.logfile import open_log
from esmtp_py.errors import MailError
from esmtp_py.message.newlines import unix_form

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from esmtp_py.message.message import Message

# Somebody else's lock is kept for as long as one mail takes to be written.
PATIENCE = 10.0
# For so many seconds one that was not given free is waited for no longer than our other connections
# may need to write: else each mail of a run would wait.
VAIN, SHORT = 60.0, 0.5
POSTMARK = b"From "
# A line that begins with more of them than SMTP allows a line to have is nobody's quotation.
_MOST_QUOTES = 1000

_stuck: dict[str, float] = {}  # since when, by path


def append(path: str, message: "Message", sender: str) -> None:
    """Appends the message, durably, for readers who lock with flock(2) or fcntl(2).

    MailError when the file cannot be written or trusted (see ``open_log``); it is as long as before then.
    """
    fd = open_log(path, os.O_RDWR)
    try:
        _lock(fd, path)
        _append(fd, message, sender)
    except OSError as error:
        raise MailError("io", f"{path}: {error.strerror}") from error
    finally:
        os.close(fd)


def _append(fd: int, message: "Message", sender: str) -> None:
    before = os.fstat(fd).st_size
    try:
        for chunk in chain((_missing(fd, before),), _mail(message, sender)):
            rest = memoryview(chunk)
            while rest:
                rest = rest[os.write(fd, rest) :]
        os.fsync(fd)
    except BaseException:
        os.ftruncate(fd, before)
        raise


def _missing(fd: int, size: int) -> bytes:
    """What the file lacks at its end, for it may be torn: a postmark is one only behind a blank line."""
    end = (b"\n\n" + os.pread(fd, 2, max(size - 2, 0)))[-2:]
    return b"\n\n"[len(end) - len(end.rstrip(b"\n")) :]


def _lock(fd: int, path: str) -> None:
    """Waits its turn among the mail programs that write here too, but not for ever."""
    import fcntl

    begin = time.monotonic()
    deadline = begin + (SHORT if begin < _stuck.get(path, -VAIN) + VAIN else PATIENCE)
    for lock in (fcntl.flock, fcntl.lockf):
        while True:
            try:
                lock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except (BlockingIOError, PermissionError):
                if time.monotonic() > deadline:
                    if path not in _stuck or begin >= _stuck[path] + VAIN:
                        _stuck[path] = time.monotonic()
                    raise MailError("io", f"{path} is locked by another program") from None
                time.sleep(0.05)
    _stuck.pop(path, None)


def _mail(message: "Message", sender: str) -> "Iterator[bytes]":
    """The message between the lines an mbox wants: postmark before, a blank one after."""
    postmark = f"From {sender.replace(' ', '_') or 'MAILER-DAEMON'} {time.asctime(time.gmtime())}\n"
    yield postmark.encode("utf-8", "backslashreplace")
    last = b""
    for chunk in quoted(unix_form(message)):
        yield chunk
        last = chunk[-1:] or last
    yield b"\n" if last == b"\n" else b"\n\n"


def quoted(chunks: "Iterable[bytes]") -> "Iterator[bytes]":
    """The same lines, with ``>`` before each that a reader of an mbox would take for the next mail's begin."""
    held, at_start = b"", True  # held: the beginning of a line, too short to be judged
    for chunk in chunks:
        lines = (held + chunk).split(b"\n")
        if at_start or len(lines) > 1:
            first = 0 if at_start else 1
            for number in range(first, len(lines)):
                if lines[number].lstrip(b">").startswith(POSTMARK):
                    lines[number] = b">" + lines[number]
        held = b""
        at_start = at_start or len(lines) > 1
        if at_start and _may_be_quoted(lines[-1]):
            held = lines.pop()
            lines.append(b"")
        else:
            at_start = False
        yield b"\n".join(lines)
    yield held


def _may_be_quoted(line: bytes) -> bool:
    """Whether what follows on this unfinished line decides if it is a postmark."""
    rest = line.lstrip(b">")
    return len(line) <= _MOST_QUOTES and len(rest) < len(POSTMARK) and POSTMARK.startswith(rest)
