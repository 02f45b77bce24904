"""Colour: on a terminal that has it, and for people who want it (no-color.org)."""

import os

_CODES = {"red": "31", "green": "32", "yellow": "33", "bold": "1"}


def painted(text: str, colour: str, fd: int = 1) -> str:
    """``text`` in this colour, or as it is where that would only be noise.  fd: where it will be written."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM", "") in ("", "dumb") or not os.isatty(fd):
        return text
    return f"\x1b[{_CODES[colour]}m{text}\x1b[0m"
