"""A command that is talked to on a terminal of its own, which is also its /dev/tty."""

import os
import pty
import re
import select
import time

from tests.conftest import Command


class Conversation:
    """``answer(pattern, text)``: waits until the pattern is shown, then types the text and Enter.

    text: all that was shown so far.  code: the exit status, after ``end``.
    """

    def __init__(self, esmtp: Command, *args: str) -> None:
        self.text = ""
        self.code = -1
        self._seen = 0
        self._pid, self._fd = pty.fork()
        if not self._pid:
            os.chdir(esmtp.home)
            os.execve(esmtp.program, [str(esmtp.program), *args], esmtp.environ)

    def answer(self, pattern: str, typed: str) -> None:
        self.until(pattern)
        os.write(self._fd, typed.encode() + b"\n")

    def until(self, pattern: str) -> str:
        """What was shown since the last call, up to where the pattern ends."""
        deadline = time.monotonic() + 60
        while not (found := re.search(pattern, self.text[self._seen :])):
            assert time.monotonic() < deadline, self.text
            assert self._read(1), f"{pattern!r} was never shown: {self.text}"
        shown = self.text[self._seen : self._seen + found.end()]
        self._seen += found.end()
        return shown

    def end(self) -> str:
        """Waits for the end of the command; what was shown since the last answer."""
        while self._read(60):
            pass
        self.code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        os.close(self._fd)
        return self.text[self._seen :]

    def hang_up(self) -> None:
        """The window is closed."""
        os.close(self._fd)
        self.code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])

    def _read(self, seconds: float) -> bool:
        if not select.select([self._fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self._fd, 65536)
        except OSError:  # the other side is closed
            return False
        self.text += data.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(data)
