"""``-q``, ``-q15m``, ``-qI TEXT`` and the name ``deliver``: runs over the queue, in the foreground.

Silent when all is well and nobody looks, for cron would mail every word; what mends
by itself, as a server that says 451, is well.  On a terminal, or with -v,
``progress`` shows how it goes on and what it did.
"""

import gc
import os
import time

from esmtp_py.cli.flags import SELECTING
from esmtp_py.cli.item import look
from esmtp_py.cli.raw import unpack
from esmtp_py.cli.selection import Selection
from esmtp_py.cli.terminal import complain
from esmtp_py.cli.transcript import Transcript
from esmtp_py.errors import MailError
from esmtp_py.outcome import EX_OK, TABLE
from esmtp_py.queue import schedule
from esmtp_py.queue.marks import retry_mark
from esmtp_py.queue.runner import Run
from esmtp_py.queue.store import Store
from esmtp_py.queue.tally import Tally, waiting
from esmtp_py.queue.writer import NEW

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import NoReturn

    from esmtp_py.cli.item import Item
    from esmtp_py.cli.options import Options

    Trace = Callable[[str, bytes], None]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def queue_run(options: "Options") -> int:
    """One run, or one after the other for ever.

    What could not be delivered is no error: it waits.  That the queue itself cannot be read or written is one.
    """
    gc.enable()  # unlike a mail, a run may last for ever
    trace = Transcript(options.verbose, options.transcript).trace
    asked = options.queue_run
    if asked[:1] in SELECTING:
        return _run_matching(asked, options, trace)
    if asked:
        _run_every(seconds(asked), options, trace)
    return _run_once(options, trace)


def seconds(text: str) -> int:
    """An interval as sendmail writes it: 15m, 1h30m, 90s; a bare number is minutes.  MailError("usage")."""
    total, number = 0, ""
    for char in text:
        if char.isascii() and char.isdigit() and len(number) < 6:
            number += char
        elif char in _UNITS and number:
            total, number = total + int(number) * _UNITS[char], ""
        else:
            raise MailError("usage", f"-q{text}: an interval such as 15m, 1h30m or 90s is expected")
    total += int(number) * 60 if number else 0
    if not total:
        raise MailError("usage", f"-q{text}: an interval of at least a second is expected")
    return total


def _run_once(options: "Options", trace: "Trace | None") -> int:
    with Store.open(create=False) as queue:
        return _watched(queue, options, trace, Run.all_due)


def _run_every(interval: int, options: "Options", trace: "Trace | None") -> "NoReturn":
    """Until a signal comes.  systemd hears that we are ready (sd_notify(3))."""
    from esmtp_py.cli.notify import notify
    from esmtp_py.cli.renewal import Renewal

    renewal = Renewal()
    notify("READY=1")
    while True:
        try:
            _run_once(options, trace)
        except MailError as error:  # a full disk or a missing directory may be mended by the next time
            complain(error.text)
        notify(f"STATUS=waiting {interval} s for the next run")
        time.sleep(interval)
        renewal.begin_anew()


def _run_matching(asked: str, options: "Options", trace: "Trace | None") -> int:
    """-qI -qR -qS TEXT, with ! those that do not match: now, whatever their back-off says."""
    selection = Selection(asked)
    with Store.open(create=False) as queue:
        names = [item.name for item in _items(queue) if selection.has(item)]
        for name in names:
            _hurry(queue, name, selection.names(name))
        return _watched(queue, options, trace, lambda run: run.these(names))


def _items(queue: Store) -> "Iterator[Item]":
    for name in queue.ids():
        try:
            item = look(queue, name, NEW, frozenset())
        except MailError as error:
            complain(error.text)
            continue
        if item and item.entry:
            yield item
        elif item:
            complain(f"{item.name}: {item.why}")


def _hurry(queue: Store, name: str, named: bool) -> None:
    """Who asks for one mail, by its name, wants it now; for others a time that was asked for stays."""
    locked = queue.lock(name)
    if locked:
        with locked:
            if named or schedule.is_backing_off(locked.entry, time.time()):
                locked.mark(retry_mark(time.time()))


def _watched(queue: Store, options: "Options", trace: "Trace | None", work: "Callable[[Run], object]") -> int:
    """Does some work with a run; whoever looks sees it going on.  Returns the exit code."""
    if not options.verbose and not os.isatty(2):
        run = Run(queue, unpack, trace=trace)
        work(run)
        for why, mails in run.tally.reasons():
            if why in run.tally.lasting:
                complain(waiting(why, mails))
    else:
        from esmtp_py.cli.progress import Progress

        tally = Tally()
        with Progress(tally) as progress:
            run = Run(queue, unpack, trace=progress.around(trace), tally=tally)
            work(run)
        others = len(queue.ids()) - tally.deferred - tally.early
        if others > 0:
            run.tally.say(f"{others} more in the queue {'wait' if others > 1 else 'waits'}; mailq -v says for what")
    for line in run.tally.said:
        complain(line)
    return TABLE["io"][2] if run.tally.faulty else EX_OK
