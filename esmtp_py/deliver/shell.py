"""Commands of the rc run by ``/bin/sh``: the MDA, preconnect and postconnect.

Values from a mail never become shell text that could be anything but one word
(CVE-2020-7247): see ``expand``.
"""

import os
import select
import time

from esmtp_py.errors import MailError
from esmtp_py.smtp.reply import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal  # the public name, for the type checker knows no other
    from collections.abc import Iterable, Iterator
    from typing import Any

    from esmtp_py.smtp.reply import Trace
else:
    import _signal  # ``signal`` itself would import enum

# The words a failing command may have in a bounce; the rest is read and dropped.
MAX_OUTPUT = 8192
# Postfix's command_time_limit.
SECONDS = 1000
# Between SIGTERM and SIGKILL, and once more until we give it up.
GRACE = 2.0
# Read at a time from a command that prints: it may never stop.
MAX_HEARD = 1 << 20

_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./-_")
_BEFORE_COMMENT = ("", *" \t\n;&|()")
_OPENINGS = ("$(", "${", "$[", "$'", '$"', "<<")


# What is running: a child, or minus its process group.
_running: set[int] = set()


def end_all() -> None:
    """Ends what other threads of this process have started; they hear of it as of any other end."""
    for target in list(_running):
        try:
            os.kill(target, _signal.SIGTERM)
        except OSError:
            pass  # it has ended by itself


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
            words = _words(values[piece[0]], piece[0], own)
            piece = piece[1:]
        else:
            piece = "%" + piece
        result += words + piece
        own += piece
    return result


def _words(words: list[str], name: str, before: str) -> str:
    """What stands for ``%name`` behind the text ``before`` of the template."""
    if not _inside_quotes(before):
        return " ".join(map(quote, words))
    if any(set(word) - _SAFE for word in words):
        raise MailError("config", f"take the quotes off %{name} in the rc: esmtp quotes what it puts there")
    return " ".join(words)


def _inside_quotes(text: str) -> bool:
    """Would quotes of ours at the end of ``text`` be anything but quotes to the shell?

    Within quotes, backquotes, an expansion, a here-document, a comment, or
    behind a backslash.  True where shells differ ($'…' is quoting in some).
    """
    quoted = ""
    at = 0
    while at < len(text):
        char = text[at]
        if char == "\\" and quoted != "'":
            at += 1
            if at == len(text):
                return True
        elif quoted:
            quoted = "" if char == quoted else quoted
        elif char in "'\"`":
            quoted = char
        elif char == "#" and text[at - 1 : at] in _BEFORE_COMMENT:
            return True
        at += 1
    return bool(quoted) or any(opening in text for opening in _OPENINGS)


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
    then is not the whole message, and it must not see an end of file.  What
    the pipe has room for, most mails, is in it before the command begins: that
    is whole also when we are killed.
    Raises MailError("system") when it cannot be started.
    """
    ends: list[int] = []
    try:
        ends += os.pipe()
        ends += os.pipe()
        stdin, feed, output, stdout = ends
        rest = _fill(feed, iter(chunks))
        if rest is None:
            os.close(feed)
            ends.remove(feed)
            feed = -1
        actions = [(os.POSIX_SPAWN_DUP2, stdin, 0), (os.POSIX_SPAWN_DUP2, stdout, 1), (os.POSIX_SPAWN_DUP2, stdout, 2)]
        pid = _spawn(command, actions, setpgroup=0)
        ends = [stdin, stdout]
    except OSError as error:
        raise MailError("system", f"cannot start {command}: {error.strerror}") from error
    finally:
        for end in ends:
            os.close(end)
    return _Child(pid, -pid, feed, output, seconds).run(rest or ())


def _fill(feed: int, chunks: "Iterator[bytes]") -> "Iterator[bytes] | None":
    """Writes what the pipe has room for; returns what it has not, None if it took all."""
    os.set_blocking(feed, False)
    for chunk in chunks:
        view = memoryview(chunk)
        try:
            while view:
                view = view[os.write(feed, view) :]
        except BlockingIOError:
            return _followed(bytes(view), chunks)
    return None


def _followed(first: bytes, chunks: "Iterator[bytes]") -> "Iterator[bytes]":
    yield first
    yield from chunks


def _spawn(command: str, actions: "list[tuple[int, int, int]]", **options: "Any") -> int:
    arguments = ["/bin/sh", "-c", command]
    _hear_of_children()
    # Python ignores SIGPIPE and SIGXFSZ, and its children would inherit that
    options["setsigdef"] = [_signal.SIGPIPE, _signal.SIGCHLD, _signal.SIGXFSZ]
    try:
        return os.posix_spawn("/bin/sh", arguments, os.environ, file_actions=actions, **options)
    except (OSError, ValueError) as error:
        raise MailError("system", f"cannot start /bin/sh: {error}") from error


def _hear_of_children() -> None:
    """Who ignores SIGCHLD, perhaps because its parent did, never learns how a child ended."""
    try:
        if _signal.getsignal(_signal.SIGCHLD) == _signal.SIG_IGN:
            _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
    except ValueError:
        pass  # only the main thread may


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
        self._watch = _watch(pid)
        for descriptor in (feed, output):
            if descriptor >= 0:
                os.set_blocking(descriptor, False)

    def run(self, chunks: "Iterable[bytes]") -> Finished:
        _running.add(self._target)
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
            _running.discard(self._target)
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
        poll.poll(min(left * 1000 + 1, 1e9 if self._watch >= 0 else 10))
        self._hear()

    def _hear(self) -> None:
        read = 0
        while self._output >= 0 and read < MAX_HEARD:
            try:
                data = os.read(self._output, 65536)
            except BlockingIOError:
                return
            if not data:
                os.close(self._output)
                self._output = -1
            read += len(data)
            self._heard += data[: MAX_OUTPUT - len(self._heard)]

    def _exited(self) -> bool:
        if not self._reaped:
            try:
                pid, status = os.waitpid(self._pid, os.WNOHANG)
            except ChildProcessError:  # somebody else has reaped it
                self._reaped = True
                return True
            if pid:
                self._reaped = True
                self._status = os.waitstatus_to_exitcode(status)
        return self._reaped

    def _kill(self) -> None:
        """Ends the command: asked first, then it and all that it has started are made to."""
        for number in (_signal.SIGTERM, _signal.SIGKILL):
            try:
                if not self._reaped or self._target < 0:
                    os.kill(self._target, number)
            except OSError:
                pass  # nobody there any more, or nobody of ours
            self._deadline = time.monotonic() + GRACE
            try:
                while not self._exited():
                    self._wait(0)
            except _Late:
                pass

    def _close_feed(self) -> None:
        if self._feed >= 0:
            os.close(self._feed)
            self._feed = -1


def _watch(pid: int) -> int:
    """A descriptor that can be polled for the end of the process, -1 where there is none."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):  # not on every system, nor in every sandbox
        return -1
