"""Processes that live long begin anew when the program was replaced meanwhile: an upgrade ends no service.

Modules are imported when they are needed, and those of another version would
not fit the ones that are in memory.
"""

import os
import sys

import esmtp_py

# As -qb is started from anywhere, by whatever name.
_BACKGROUND = ["-P", "-m", "esmtp_py", "-qb"]


class Renewal:
    """Remembers which program this process is."""

    __slots__ = ("_began",)

    def __init__(self) -> None:
        self._began = _installed()

    def begin_anew(self, *, background: bool = False) -> None:
        """Returns if the program is what it was, or has gone; else this process becomes the new one and starts over.

        background: as ``esmtp -qb``, for its arguments are those of the mail that it was forked for.
        """
        if _installed() in (self._began, None) or not sys.executable:
            return
        words = _BACKGROUND if background else sys.orig_argv[1:]
        try:
            os.execv(sys.executable, [sys.executable, *words])  # noqa: S606 - our own words, to our own python
        except OSError:  # a python that has gone too: what is in memory may still do
            return


def _installed() -> "tuple[int, int] | None":
    """Another one for each installation; None in the middle of it."""
    try:
        found = os.stat(esmtp_py.__file__)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns
