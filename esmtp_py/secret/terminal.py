"""The terminal we run on, to ask a person for a secret: nothing that is typed is shown."""

import os
import select
import time

from esmtp_py.errors import MailError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# How soon a prompt notices that the run is over, in milliseconds.
_SLICE = 200


def _never() -> bool:
    return False


class Terminal:
    """/dev/tty, while we are in the foreground there: whoever is behind must not take what is typed for others."""

    __slots__ = ("_fd",)

    def __init__(self, descriptor: int) -> None:
        self._fd = descriptor

    @classmethod
    def open(cls) -> "Terminal | None":
        """None when there is no terminal, or when it belongs to others for the moment."""
        try:
            descriptor = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            if os.tcgetpgrp(descriptor) == os.getpgrp():
                return cls(descriptor)
        except OSError:
            pass  # it was hung up
        os.close(descriptor)
        return None

    def close(self) -> None:
        os.close(self._fd)

    def ask(self, prompt: str, seconds: float, stopped: "Callable[[], bool]" = _never) -> bytes:
        """The line that is typed, without its end; b"" when nobody types one in time, or until ``stopped()``."""
        import atexit
        import termios

        try:
            usual = termios.tcgetattr(self._fd)
            silent = _silent(usual)

            def restore() -> None:
                termios.tcsetattr(self._fd, termios.TCSADRAIN, usual)

            # A signal that ends the run is heard by another thread than that of a queue run which asks here.
            atexit.register(restore)
            try:
                termios.tcsetattr(self._fd, termios.TCSAFLUSH, silent)
                self._write(prompt)
                return self._line(time.monotonic() + seconds, stopped)
            finally:
                restore()
                atexit.unregister(restore)
                self._write("\n")  # that of the typed line was not shown
        except (OSError, termios.error) as error:
            raise MailError("try_again", f"cannot ask at the terminal: {error.args[-1]}") from error

    def _write(self, text: str) -> None:
        os.write(self._fd, text.encode("utf-8", "backslashreplace"))

    def _line(self, deadline: float, stopped: "Callable[[], bool]") -> bytes:
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        line = b""
        while not line.endswith(b"\n"):
            while not poll.poll(_SLICE):
                if stopped() or time.monotonic() > deadline:
                    return b""
            typed = os.read(self._fd, 4096)
            if not typed:
                return b""  # end of file: not what was wanted
            line += typed
        return line.rstrip(b"\r\n")


def _silent(usual: "list[Any]") -> "list[Any]":
    """Without echo; and without Ctrl-Z, for who comes back from the shell may find the echo on again."""
    import termios

    flags, characters = usual[:], usual[6][:]
    flags[3] = usual[3] & ~termios.ECHO
    characters[termios.VSUSP] = b"\0"  # _POSIX_VDISABLE
    flags[6] = characters
    return flags
