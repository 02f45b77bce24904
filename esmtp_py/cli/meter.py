"""A large mail on its way, seen from the terminal: how much of it has left.

    esmtp: 12.3 of 48.0 MB, 2.1 MB/s

Imported only when there is a terminal to show it on and a mail that takes its time.
"""

import time

from esmtp_py.cli.live_line import LiveLine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from esmtp_py.message.message import Body

# Seconds between two pictures.
_PACE = 0.2


class Meter:
    """A body that says how much of it was taken, each time it is streamed."""

    __slots__ = ("_body", "_clock", "_line")

    def __init__(self, body: "Body", *, clock: "Callable[[], float]" = time.monotonic) -> None:
        self._body = body
        self._clock = clock
        self._line = LiveLine()

    @property
    def size(self) -> int:
        return self._body.size

    @property
    def eight_bit(self) -> bool:
        return self._body.eight_bit

    def chunks(self) -> "Iterator[bytes]":
        """As of the body; what was yielded before the last one has been sent."""
        began = last = self._clock()
        sent = 0
        for chunk in self._body.chunks():
            now = self._clock()
            if now - last >= _PACE:
                self._line.show(state(sent, self.size, now - began))
                last = now
            yield chunk
            sent += len(chunk)
        self._line.clear()


def state(sent: int, size: int, seconds: float) -> str:
    """``12.3 of 48.0 MB, 2.1 MB/s``."""
    million = 1e6
    return f"{sent / million:.1f} of {size / million:.1f} MB, {sent / million / max(seconds, 0.001):.1f} MB/s"
