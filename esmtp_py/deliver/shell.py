"""Commands of the rc run by ``/bin/sh``: the MDA, preconnect and postconnect.

Values from a mail never become shell text that could be anything but one word
(CVE-2020-7247): see ``expand``.
"""

import os
import select
import time

from esmtp_py.errors import MailError
from esmtp_py.smtp.reply import printable

# The words a failing command may have in a bounce; the rest is read and dropped.
MAX_OUTPUT = 8192
# Postfix's command_time_limit.
SECONDS = 1000
# Between SIGTERM and SIGKILL.
GRACE = 2.0

# POSIX fixes these three; the signal module would import enum for them
_SIGKILL, _SIGPIPE, _SIGTERM = 9, 13, 15

_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./-_")


class Finished:
    """How a command ended.

    status: exit status 0 to 255, or minus the signal that ended it; None when
    it was killed at the deadline.  output: the begin of what it printed, as one
    printable line.
    """

    __slots__ = ("output", "status")

    def __init__(self, status: int | None, output: bytes) -> None:
        self.status = status
        lines = [line for line in output.splitlines() if line.strip()]
        self.output = printable(b"; ".join(lines))

    @property
    def how(self) -> str:
        """For people: what happened, then the command's own words."""
        if self.status is None:
            what = "did not end in time and was killed"
        elif self.status < 0:
            what = f"was killed by signal {-self.status}"
        else:
            what = f"ended with status {self.status}"
        return f"{what}: {self.output}" if self.output else what


def quote(word: str) -> str:
    """``word`` as one word of a shell command; as it is when no character is special."""
    if word and not set(word) - _SAFE:
        return word
    return "'" + word.replace("'", "'\\''") + "'"


def expand(template: str, values: dict[str, list[str]]) -> str:
    """Replaces ``%X`` by its words, quoted, and ``%%`` by ``%``; any other ``%c`` stays.

    Our quotes do not work inside quotes of the template's own, so there only
    harmless words are let in.  Raises MailError("config") otherwise.
    """
    pieces = template.split("%")
    result = own = pieces.pop(0)  # own: what of it is the template's
    while pieces:
        piece = pieces.pop(0)
        words = ""
        if not piece and pieces:
            piece = "%" + pieces.pop(0)
        elif piece[:1] in values:
            words = " ".join(quote(word) for word in values[piece[0]])
            if set(words) - _SAFE - {" "} and _inside_quotes(own):
                raise MailError("config", f"take the quotes off %{piece[0]} in the rc: esmtp quotes what it puts there")
            piece = piece[1:]
        else:
            piece = "%" + piece
        result += words + piece
        own += piece
    return result


def _inside_quotes(text: str) -> bool:
    """Would the shell be within quotes, backquotes or an expansion at the end of ``text``?"""
    quoted = ""
    at = 0
    while at < len(text):
        char = text[at]
        if char == "\\" and quoted != "'":
            at += 1
        elif quoted:
            quoted = "" if char == quoted else quoted
        elif char in "'\"`":
            quoted = char
        at += 1
    return bool(quoted) or "$(" in text or "${" in text or "<<" in text


def hook(command: str, name: str, trace: "Trace | None") -> None:
    """Runs preconnect or postconnect; its output goes to our stderr.

    Raises MailError("try_again") when it fails: there may be no way to the server.
    """
    if trace:
        trace("*", f"{name}: {command}".encode("utf-8", "replace"))
    devnull = os.open(os.devnull, os.O_RDONLY)
    try:
        pid = _spawn(command, [(os.POSIX_SPAWN_DUP2, devnull, 0), (os.POSIX_SPAWN_DUP2, 2, 1)])
    finally:
        os.close(devnull)
    finished = _Child(pid, pid, -1, -1, SECONDS).run(())
    if finished.status != 0:
        raise MailError("try_again", f"{name} ({command}) {finished.how}", status="4.3.0")


def pipe(command: str, chunks: "Iterable[bytes]", seconds: float) -> Finished:
    """Runs ``command`` with ``chunks`` on its standard input.

    A command that does not read all of it is not at fault.  Killed, with its
    children, after ``seconds``, and also when ``chunks`` raises: what it has
    then is not the whole message, and it must not see an end of file.
    """
    stdin, feed = os.pipe()
    output, stdout = os.pipe()
    actions = [(os.POSIX_SPAWN_DUP2, stdin, 0), (os.POSIX_SPAWN_DUP2, stdout, 1), (os.POSIX_SPAWN_DUP2, stdout, 2)]
    try:
        pid = _spawn(command, actions, setpgroup=0)
    except BaseException:
        os.close(feed)
        os.close(output)
        raise
    finally:
        os.close(stdin)
        os.close(stdout)
    return _Child(pid, -pid, feed, output, seconds).run(chunks)


def _spawn(command: str, actions: "list[tuple[int, int, int]]", **options: "Any") -> int:
    arguments = ["/bin/sh", "-c", command]
    try:
        # Python ignores SIGPIPE, and its children would inherit that
        return os.posix_spawn("/bin/sh", arguments, os.environ, file_actions=actions, setsigdef=[_SIGPIPE], **options)
    except (OSError, ValueError) as error:
        raise MailError("system", f"cannot start /bin/sh: {error}") from error


class _Late(Exception):
    """The deadline is over."""


class _Child:
    """A running command: feeds it, hears it, and ends it when its time is over."""

    def __init__(self, pid: int, target: int, feed: int, output: int, seconds: float) -> None:
        """target: what to kill, the child or minus its process group.  feed, output: pipe ends, or -1."""
        self._pid = pid
        self._target = target
        self._feed = feed
        self._output = output
        self._deadline = time.monotonic() + seconds
        self._heard = b""
        self._status: int | None = None
        self._reaped = False
        self._watch = os.pidfd_open(pid) if hasattr(os, "pidfd_open") else -1
        for descriptor in (feed, output):
            if descriptor >= 0:
                os.set_blocking(descriptor, False)

    def run(self, chunks: "Iterable[bytes]") -> Finished:
        try:
            for chunk in chunks:
                if not self._give(chunk):
                    break
            self._close_feed()
            while not self._exited():
                self._wait(0)
            self._hear()
            return Finished(self._status, self._heard)
        except _Late:
            self._kill()
            return Finished(None, self._heard)
        except BaseException:
            self._kill()
            raise
        finally:
            self._close_feed()
            for descriptor in (self._output, self._watch):
                if descriptor >= 0:
                    os.close(descriptor)

    def _give(self, chunk: bytes) -> bool:
        """Writes a chunk; False when the command reads no more."""
        view = memoryview(chunk)
        while view:
            try:
                view = view[os.write(self._feed, view) :]
            except BlockingIOError:
                if self._exited():
                    return False
                self._wait(select.POLLOUT)
            except BrokenPipeError:
                return False
        return True

    def _wait(self, feed_events: int) -> None:
        """Until the command reads, prints or ends."""
        poll = select.poll()
        for descriptor, events in ((self._feed, feed_events), (self._output, select.POLLIN)):
            if descriptor >= 0 and events:
                poll.register(descriptor, events)
        if self._watch >= 0:
            poll.register(self._watch, select.POLLIN)
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise _Late
        # without a descriptor for the process, look after it now and then
        poll.poll(left * 1000 + 1 if self._watch >= 0 else min(left * 1000, 10))
        self._hear()

    def _hear(self) -> None:
        while self._output >= 0:
            try:
                data = os.read(self._output, MAX_OUTPUT)
            except BlockingIOError:
                return
            if not data:
                os.close(self._output)
                self._output = -1
            self._heard += data[: MAX_OUTPUT - len(self._heard)]

    def _exited(self) -> bool:
        if not self._reaped:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                self._reaped = True
                self._status = os.waitstatus_to_exitcode(status)
        return self._reaped

    def _kill(self) -> None:
        """Ends the command: asked first, then made to."""
        self._deadline = time.monotonic() + GRACE
        for number in (_SIGTERM, _SIGKILL):
            try:
                os.kill(self._target, number)
                while not self._exited():
                    self._wait(0)
                return
            except _Late:
                continue
            except ProcessLookupError:
                return

    def _close_feed(self) -> None:
        if self._feed >= 0:
            os.close(self._feed)
            self._feed = -1


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from esmtp_py.smtp.reply import Trace
