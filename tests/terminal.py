"""A command at a terminal of its own, which controls it: what it shows, and what a person types there."""

import fcntl
import os
import pathlib
import pty
import select
import signal
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence

PATIENCE = 60.0


class Terminal:
    """shown: all that has been on the screen.  alone: standard input and output are elsewhere, as under cron."""

    def __init__(
        self, argv: Sequence[str | os.PathLike[str]], environ: Mapping[str, str], cwd: pathlib.Path, stdin: bytes | None
    ) -> None:
        """stdin: what comes there by a pipe; None for the terminal itself."""
        self._fd, theirs = pty.openpty()
        self.shown = ""

        def control() -> None:
            fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            argv,
            stdin=theirs if stdin is None else subprocess.PIPE,
            stdout=theirs,
            stderr=theirs,
            env=environ,
            cwd=cwd,
            start_new_session=True,
            preexec_fn=control,
        )
        os.close(theirs)
        if self.process.stdin:
            self.process.stdin.write(stdin or b"")
            self.process.stdin.close()

    @property
    def echo(self) -> bool:
        """What is typed is shown."""
        return bool(termios.tcgetattr(self._fd)[3] & termios.ECHO)

    def until(self, text: str, times: int = 1) -> None:
        """Reads on until this has been shown so often."""
        end = time.monotonic() + PATIENCE
        while self.shown.count(text) < times:
            assert self._read(end), f"{text!r} is missing in {self.shown!r}"

    def quiet(self, seconds: float) -> bool:
        """Nothing is shown for so long."""
        before = self.shown
        self._read(time.monotonic() + seconds)
        return self.shown == before

    def type(self, line: str) -> None:
        os.write(self._fd, line.encode() + b"\n")

    def press(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> int:
        """Its exit code, when it has ended."""
        end = time.monotonic() + PATIENCE
        while self._read(end):
            pass
        return self.process.wait(PATIENCE)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._fd)

    def _read(self, end: float) -> bool:
        if not select.select([self._fd], [], [], max(end - time.monotonic(), 0))[0]:
            return False
        try:
            data = os.read(self._fd, 65536)
        except OSError:  # nobody holds the other end
            return False
        self.shown += data.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(data)
