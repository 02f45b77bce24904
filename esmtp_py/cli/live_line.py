"""A line on the terminal that is written over again and again while something goes on, and then is gone."""

import os

from esmtp_py.cli.terminal import ERR
from esmtp_py.printable import printable

# Where a terminal does not say how wide it is.
_WIDTH = 80


class LiveLine:
    """On standard error, which must be a terminal; stands there until ``clear``."""

    __slots__ = ("_shown",)

    def __init__(self) -> None:
        self._shown = 0  # columns of the line that stands there

    def show(self, text: str) -> None:
        """Writes over what stood there; nothing while another program has the terminal."""
        if not _in_front():
            return
        text = clipped(
            f"esmtp: {printable(text)}", _columns() - 1
        )  # in the last column some terminals begin a new line
        width = _width(text)
        ERR.write(f"\r{text}{' ' * max(self._shown - width, 0)}")
        self._shown = width

    def clear(self) -> None:
        """With spaces, which every terminal knows."""
        if self._shown:
            ERR.write(f"\r{' ' * self._shown}\r")
            self._shown = 0


def _in_front() -> bool:
    """A run behind a shell's prompt does not write into it."""
    try:
        return os.tcgetpgrp(2) == os.getpgrp()
    except OSError:  # not the terminal of this session: nobody types there
        return True


def _columns() -> int:
    try:
        return os.get_terminal_size(2).columns or _WIDTH
    except OSError:
        return _WIDTH


def _width(text: str) -> int:
    """Columns at most: letters that may be wide count as two."""
    return len(text) + sum(char > "\u02ff" and char != "…" for char in text)


def clipped(text: str, columns: int) -> str:
    """As much of ``text`` as has room there."""
    if _width(text) <= columns:
        return text
    used, end = 1, 0  # the ellipsis
    while (used := used + _width(text[end])) <= columns:
        end += 1
    return text[:end] + "…"
