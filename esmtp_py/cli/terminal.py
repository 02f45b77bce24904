"""What people read: standard output and standard error, and making words safe for them.

Written through the descriptors, not through ``sys.stdout``: the bytes are out
when ``write`` returns, in UTF-8 whatever the locale, and an error is seen by us
instead of by the interpreter when it shuts down.
"""

import os

from esmtp_py.errors import MailError


class Stream:
    """A descriptor to write text to.  ``write`` raises MailError("io") unless it is ``deaf``.

    name: for that error.
    deaf: errors are swallowed, as fits standard error: there is nobody left to
    tell, and what the run is worth does not depend on it.
    """

    __slots__ = ("_deaf", "_fd", "_name")

    def __init__(self, fd: int, name: str, *, deaf: bool = False) -> None:
        self._fd = fd
        self._name = name
        self._deaf = deaf

    def write(self, text: str) -> int:
        self.write_bytes(text.encode("utf-8", "backslashreplace"))
        return len(text)

    def write_bytes(self, data: bytes) -> None:
        """All of ``data``, as it is."""
        try:
            while data:
                try:
                    data = data[os.write(self._fd, data) :]
                except BlockingIOError:
                    if self._deaf:
                        return
                    self._wait()
        except OSError as error:
            if not self._deaf:
                raise MailError("io", f"cannot write to {self._name}: {error.strerror}") from error

    def _wait(self) -> None:
        """Some callers leave their end of a shared pipe or terminal non-blocking."""
        import select

        select.select([], [self._fd], [])

    def flush(self) -> None:
        """Nothing is held back; for callers that treat this as a file."""


OUT = Stream(1, "standard output")
ERR = Stream(2, "standard error", deaf=True)


def say(text: str) -> None:
    """One line on standard output."""
    from esmtp_py.printable import printable  # a mail that is only queued has nothing to say

    OUT.write(printable(text) + "\n")


def complain(text: str) -> None:
    """One line on standard error, with our name in front."""
    from esmtp_py.printable import printable

    ERR.write(f"esmtp: {printable(text)}\n")


def explain(error: MailError) -> None:
    """An error that ends the run.  Those of the rc file have several lines, with carets under them."""
    from esmtp_py.printable import printable

    first, *more = error.text.split("\n") if error.kind == "config" else [error.text]
    complain(first)
    ERR.write("".join(printable(line) + "\n" for line in more))
