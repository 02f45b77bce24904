"""A command at a terminal of its own, which controls it: what it shows, and what a person types there."""

import codecs
import fcntl
import io
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import tempfile
import termios
import time
from collections.abc import Mapping, Sequence

PATIENCE = 60.0


class Terminal:
    """What is no part of UTF-8 is an error wherever the screen is read.

    shown:   all that has been on the screen, with \\n at the end of a line.
    process: what was started.
    """

    def __init__(
        self,
        argv: Sequence[str | os.PathLike[str]],
        environ: Mapping[str, str],
        cwd: pathlib.Path,
        *,
        stdin: bytes | None = None,
        stdout: int | None = None,
        columns: int = 80,
    ) -> None:
        """stdin: what is read there; None for the terminal.  stdout: as subprocess has it; None for the terminal."""
        self.shown = ""
        self._found = 0  # how far the last ``until`` has come
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        ours, theirs = pty.openpty()
        self._screen = io.FileIO(ours, "r+")
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        with tempfile.TemporaryFile() as given:
            given.write(stdin or b"")
            given.seek(0)
            self.process = subprocess.Popen(
                argv,
                stdin=theirs if stdin is None else given,
                stdout=theirs if stdout is None else stdout,
                stderr=theirs,
                env=environ,
                cwd=cwd,
                start_new_session=True,
                preexec_fn=lambda: fcntl.ioctl(theirs, termios.TIOCSCTTY, 0),
            )
        os.close(theirs)

    @property
    def echo(self) -> bool:
        """What is typed is shown."""
        return bool(termios.tcgetattr(self._screen)[3] & termios.ECHO)

    @property
    def lines(self) -> list[str]:
        """The lines as a person sees them, when each has been written over what stood there."""
        return [line.rpartition("\r")[2] for line in self.shown.rstrip("\n").split("\n")]

    def until(self, pattern: str) -> str:
        """Reads on until this is shown, behind what the last call has found; returns what came since, up to its end."""
        end = time.monotonic() + PATIENCE
        while not (found := re.search(pattern, self.shown[self._found :])):
            assert self._read(end), f"{pattern!r} is missing behind {self._found} characters of {self.shown!r}"
        begin = self._found
        self._found += found.end()
        return self.shown[begin : self._found]

    def answer(self, pattern: str, typed: str) -> None:
        """Waits for the question, as ``until`` does."""
        self.until(pattern)
        self.type(typed)

    def type(self, line: str) -> None:
        self._screen.write(line.encode() + b"\n")

    def press(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def quiet(self, seconds: float) -> bool:
        """Nothing is shown for so long."""
        before = self.shown
        self._read(time.monotonic() + seconds)
        return self.shown == before

    def end(self) -> int:
        """Its exit code, when it has ended."""
        end = time.monotonic() + PATIENCE
        while self._read(end):
            pass
        return self.process.wait(PATIENCE)

    def hang_up(self) -> int:
        """The window is closed; the exit code."""
        self._screen.close()
        return self.process.wait(PATIENCE)

    def close(self) -> None:
        """Whatever still runs is killed."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._screen.close()

    def _read(self, end: float) -> bool:
        if not select.select([self._screen], [], [], max(end - time.monotonic(), 0))[0]:
            return False
        try:
            data = self._screen.read(65536)
        except OSError:  # nobody holds the other end
            data = b""
        self.shown = (self.shown + self._decoder.decode(data, not data)).replace("\r\n", "\n")
        return bool(data)
