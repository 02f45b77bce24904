"""A command that runs beside us: started by ``/bin/sh``, heard, and ended when its time is over.

For the commands of the rc: hooks and MDA (``deliver.shell``), and the one that writes a password.
"""

import os
import select
import time

from esmtp_py.errors import MailError
from esmtp_py.smtp.reply import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal  # the public name, for the type checker knows no other
    from typing import Any
else:
    import _signal  # ``signal`` itself would import enum

# The words a failing command may have in a bounce; the rest is read and dropped.
MAX_OUTPUT = 8192
# Between SIGTERM and SIGKILL, and once more until we give it up.
GRACE = 2.0
# Read at a time from a command that prints: it may never stop.
MAX_HEARD = 1 << 20

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


def spawn(command: str, actions: "list[tuple[int, int, int]]", **options: "Any") -> int:
    """Starts the command with our environment, which never holds a secret; returns its pid.  MailError("system")."""
    arguments = ["/bin/sh", "-c", command]
    # Python ignores SIGPIPE and SIGXFSZ, and its children would inherit that
    options["setsigdef"] = [_signal.SIGPIPE, _signal.SIGCHLD, _signal.SIGXFSZ]
    try:
        return os.posix_spawn("/bin/sh", arguments, os.environ, file_actions=actions, **options)
    except (OSError, ValueError) as error:
        raise MailError("system", f"cannot start /bin/sh: {error}") from error


class _Late(Exception):
    """The deadline is over."""


class Child:
    """A running command: hears it, and ends it when its time is over.

    answer: the begin of what came from the pipe of that name, as it is; it is never shown.
    """

    def __init__(self, pid: int, target: int, output: int, seconds: float, answer: int = -1) -> None:
        """target: what to kill, the child or minus its process group.  output, answer: pipe ends, or -1."""
        self.answer = b""
        self._pid = pid
        self._target = target
        self._output = output
        self._answer = answer
        self._deadline = time.monotonic() + seconds
        self._heard = b""
        self._status: int | None = None
        self._reaped = False
        self._watch = _watch(pid)
        for descriptor in (output, answer):
            if descriptor >= 0:
                os.set_blocking(descriptor, False)

    def run(self) -> Finished:
        _running.add(self._target)
        try:
            while not self._exited():
                self._wait()
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
            for descriptor in (self._output, self._answer, self._watch):
                if descriptor >= 0:
                    os.close(descriptor)

    def _wait(self) -> None:
        """Until the command prints or ends."""
        poll = select.poll()
        for descriptor in (self._output, self._answer):
            if descriptor >= 0:
                poll.register(descriptor, select.POLLIN)
        if self._watch >= 0:
            poll.register(self._watch, select.POLLIN)
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise _Late
        # without a descriptor for the process, look after it now and then
        poll.poll(min(left * 1000 + 1, 1e9 if self._watch >= 0 else 10))
        self._hear()

    def _hear(self) -> None:
        self._heard, self._output = _more(self._heard, self._output)
        self.answer, self._answer = _more(self.answer, self._answer)

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
                    self._wait()
            except _Late:
                pass


def _more(heard: bytes, descriptor: int) -> tuple[bytes, int]:
    """What is heard by now, and the descriptor; at its end it is closed, and -1."""
    read = 0
    while descriptor >= 0 and read < MAX_HEARD:
        try:
            data = os.read(descriptor, 65536)
        except BlockingIOError:
            break
        if not data:
            os.close(descriptor)
            descriptor = -1
        read += len(data)
        heard += data[: MAX_OUTPUT - len(heard)]
    return heard, descriptor


def _watch(pid: int) -> int:
    """A descriptor that can be polled for the end of the process, -1 where there is none."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):  # not on every system, nor in every sandbox
        return -1
