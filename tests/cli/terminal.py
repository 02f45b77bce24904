"""esmtp as it is seen on a terminal."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import tempfile
import termios
import time
from typing import IO

from tests.conftest import Command


class Terminal:
    """Runs esmtp with standard error on a terminal of its own, and collects what is drawn there."""

    def __init__(self, esmtp: Command, *args: str, columns: int = 80, stdin: bytes = b"") -> None:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.text = ""
        self._fd = ours
        with tempfile.TemporaryFile() as given:
            given.write(stdin)
            given.seek(0)
            self._start(esmtp, args, given, theirs)
        os.close(theirs)

    def _start(self, esmtp: Command, args: "tuple[str, ...]", stdin: "IO[bytes]", terminal: int) -> None:
        self.process = subprocess.Popen(
            [esmtp.program, *args],
            env=esmtp.environ,
            cwd=esmtp.home,
            stdin=stdin,
            stdout=subprocess.DEVNULL,
            stderr=terminal,
        )

    def until(self, pattern: str) -> str:
        """What is there when that is shown, or the program has ended."""
        deadline = time.monotonic() + 60
        while not re.search(pattern, self.text) and time.monotonic() < deadline and self._read():
            pass
        assert re.search(pattern, self.text), self.text
        return self.text

    def end(self) -> list[str]:
        """The lines that are left to be seen when it is over."""
        while self._read():
            pass
        assert self.process.wait(60) == 0
        os.close(self._fd)
        return [line.rpartition("\r")[2] for line in self.text.replace("\r\n", "\n").rstrip("\n").split("\n")]

    def _read(self) -> bool:
        try:
            data = os.read(self._fd, 65536)
        except OSError:  # the other side is closed
            return False
        self.text += data.decode()
        return bool(data)
