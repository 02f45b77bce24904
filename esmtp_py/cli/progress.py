"""A queue run seen from outside: one live line on a terminal while it goes on, and what came of it at the end.

    esmtp: 120 of 300 mails, 245 kB, 61.2 mails/s, 124.9 kB/s; 3 wait: mx.example.org: 451 try later

Imported only when somebody looks: on standard error there is a terminal, or -v
was given.  With -v and no terminal the same is said now and then, as a line of
its own.
"""

import _thread
import os
import time

from esmtp_py.cli.live_line import LiveLine
from esmtp_py.cli.terminal import complain
from esmtp_py.queue.tally import waiting
from esmtp_py.secret import ask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from esmtp_py.queue.tally import Tally

    Trace = Callable[[str, bytes], None]

# Seconds from one picture to the next: what eyes can follow, and what fits a log.
TERMINAL, LOG = 0.2, 10.0


class Progress:
    """Shows ``tally`` from ``with`` to its end, in a thread of its own; then its summary."""

    def __init__(self, tally: "Tally", *, clock: "Callable[[], float]" = time.monotonic) -> None:
        self._tally = tally
        self._clock = clock
        self._began = clock()
        self._terminal = os.isatty(2)
        self._line = LiveLine()
        self._drawing = _thread.allocate_lock()
        self._end, self._ended = _thread.allocate_lock(), _thread.allocate_lock()

    def __enter__(self) -> "Progress":
        self._end.acquire()
        self._ended.acquire()
        ask.clear.append(self._make_room)
        try:
            _thread.start_new_thread(self._show, ())
        except RuntimeError:  # the system has no thread left; the mail goes out unseen
            self._ended.release()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.release()
        self._ended.acquire()
        ask.clear.remove(self._make_room)
        self._line.clear()
        for line in summary(self._tally, self._clock() - self._began):
            complain(line)

    def around(self, trace: "Trace | None") -> "Trace | None":
        """The same trace, whose lines do not run into ours."""
        if trace is None:
            return None

        def traced(tag: str, line: bytes) -> None:
            with self._drawing:
                self._line.clear()
                trace(tag, line)

        return traced

    def _show(self) -> None:
        try:
            while not self._end.acquire(timeout=TERMINAL if self._terminal else LOG):
                with self._drawing:
                    if not ask.busy():
                        self._draw()
        finally:
            self._ended.release()

    def _make_room(self) -> None:
        with self._drawing:
            self._line.clear()

    def _draw(self) -> None:
        text = state(self._tally, self._clock() - self._began)
        if self._terminal:
            self._line.show(text)
        else:
            complain(text)


def state(tally: "Tally", seconds: float) -> str:
    """The run so far, on one line.  seconds: for which it has gone on."""
    pace = max(seconds, 0.001)
    size = tally.bytes / 1000
    line = f"{tally.done} of {max(tally.found, tally.done)} mails, {size:.0f} kB"
    line += f", {(tally.delivered + tally.failed) / pace:.1f} mails/s, {size / pace:.1f} kB/s"
    waits = tally.reasons()
    if len(waits) == 1:
        [(why, count)] = waits
        line += f"; {waiting(why, count)}"
    elif waits:
        line += f"; {tally.deferred} wait: {', '.join(f'{count} × {why}' for why, count in waits)}"
    return line


def summary(tally: "Tally", seconds: float) -> list[str]:
    """The whole run, with one line more for each reason why mail waits."""
    first = (
        f"{tally.delivered} delivered ({tally.bytes} bytes), {tally.deferred} still waiting, "
        f"{tally.failed - tally.untold} failed and reported"
    )
    if tally.untold:
        first += f", {tally.untold} failed and nobody told"
    if tally.delivered:
        pace = max(seconds, 0.001)
        first += f"; {tally.delivered / pace:.1f} mails/s, {tally.bytes / 1000 / pace:.1f} kB/s"
    lines = [first, *(waiting(why, count) for why, count in tally.reasons())]
    if tally.early:
        lines.append(f"{tally.early} not due yet (undo, or --at); the next at {time.ctime(tally.next)}")
    return lines
