"""-bp and the name mailq: the queue as Postfix lists it, or as JSON; -v says why, and when next.

Each mail is printed as it is read, so that a long queue costs neither memory
nor patience.
"""

import time

from esmtp_py.cli.item import ACTIVE, HOLD, PLACES, Item, items, waiting
from esmtp_py.cli.terminal import OUT, printable
from esmtp_py.queue import schedule
from esmtp_py.queue.store import CORRUPT, FAILED, Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from esmtp_py.cli.options import Options
    from esmtp_py.outcome import Outcome

# Behind the id: what else there is to know at a glance.
_SIGNS = {ACTIVE: "*", HOLD: "!", FAILED: "x", CORRUPT: "?"}
# Reasons end where an 80-column terminal does, as in Postfix.
_WIDTH = 76
# Ids have 18 characters and those of a process number, reports three more.
_ID_WIDTH = 24
# Text gathered before it is written.
_BATCH = 64 * 1024


def mailq(options: "Options") -> int:
    """Lists all there is on standard output."""
    with Store.open(create=False) as store:
        found = (item for place in PLACES for item in items(store, place))
        if options.json:
            _write(map(_json, found))
        else:
            _write(_table(found, options.verbose, time.time()))
    return 0


def _write(texts: "Iterable[str]") -> None:
    held: list[str] = []
    size = 0
    for text in texts:
        held.append(text)
        size += len(text)
        if size >= _BATCH:
            OUT.write("".join(held))
            held, size = [], 0
    OUT.write("".join(held))


# -- text ----------------------------------------------------------------------------------------------------------


def _table(found: "Iterator[Item]", verbose: bool, now: float) -> "Iterator[str]":
    """Heading, mails, footer."""
    counts = {"": 0, FAILED: 0, CORRUPT: 0}
    size = 0
    for item in found:
        if not any(counts.values()):
            yield f"{'-Queue ID-':<{_ID_WIDTH}} --Size-- ----Arrival Time---- -Sender/Recipient-------\n"
        else:
            yield "\n"
        queue = item.queue
        counts[queue if queue in counts else ""] += 1
        size += item.size if queue not in counts else 0
        yield text(item, queue, verbose, now)
    yield _footer(counts, size) if any(counts.values()) else "Mail queue is empty\n"


def _footer(counts: dict[str, int], size: int) -> str:
    plural = "s" if counts[""] != 1 else ""
    lines = f"\n-- {size // 1024} Kbytes in {counts['']} Request{plural}.\n"
    others = [f"{counts[queue]} {word}" for queue, word in ((FAILED, "failed"), (CORRUPT, "damaged")) if counts[queue]]
    if others:
        lines += f"-- {', '.join(others)}: esmtp --show ID shows it, esmtp --cancel ID removes it.\n"
    return lines


def text(item: Item, queue: str, verbose: bool, now: float) -> str:
    """One mail as lines, without the empty one between two."""
    sender = _sender(item) if item.entry else ""
    # the two spaces before the sender are Postfix's
    first = (
        f"{printable(item.name) + _SIGNS.get(queue, ' '):<{_ID_WIDTH}} {item.size:>8} {_moment(item.time)}  {sender}"
    )
    lines = [first.rstrip()]
    if item.why:
        lines.append(_reason(f"damaged: {item.why}" if queue == CORRUPT else item.why))
    if item.entry:
        lines += _recipients(item, verbose)
        if verbose:
            lines += [f"    {line}" for line in _progress(item, queue, now)]
    return "\n".join(lines) + "\n"


def _sender(item: Item) -> str:
    """As Postfix says it; a sender that the rc will choose is in no address's way."""
    assert item.entry
    sender = item.entry.sender
    return "(sender of the identity)" if sender is None else printable(sender) or "MAILER-DAEMON"


def _recipients(item: Item, verbose: bool) -> "Iterator[str]":
    """Addresses under the reason they share."""
    assert item.entry
    before = None
    for address, outcome in waiting(item.entry):
        if outcome is not before:
            before = outcome
            if outcome:
                yield _reason(_words(outcome, verbose))
        yield f"{'':{_ID_WIDTH + 32}}{printable(address)}"


def _words(outcome: "Outcome", verbose: bool) -> str:
    words = outcome.text or outcome.reply or outcome.kind.replace("_", " ")
    if verbose:
        remote = f"{outcome.remote}: " if outcome.remote and outcome.remote not in words else ""
        reply = f"; {remote}{outcome.reply}" if outcome.reply and outcome.reply not in words else ""
        words = f"{words}{reply}; status {outcome.status}"
    return words


def _reason(words: str) -> str:
    return f"({printable(words)})".rjust(_WIDTH)


def _progress(item: Item, queue: str, now: float) -> "Iterator[str]":
    """What was done, and when it goes on."""
    assert item.entry
    times = item.entry.marks.times
    if times:
        plural = "s" if len(times) != 1 else ""
        yield f"tried {len(times)} time{plural}, last {_moment(times[-1])} ({_ago(now - times[-1])})"
    delivered = sum(fate.settled for fate in item.entry.marks.fates.values())
    if delivered and queue != FAILED:
        yield f"done with {delivered} of {len(item.entry.recipients)} recipients"
    yield _next(item, queue, now)


def _next(item: Item, queue: str, now: float) -> str:
    assert item.entry
    if queue == ACTIVE:
        return "in delivery now"
    if queue == FAILED:
        return "kept in failed/: it could not be delivered, and there was nobody to tell"
    due = schedule.due(item.entry, item.name, now)
    if due == schedule.NEVER:
        return f"on hold until esmtp --release {item.name}"
    if due <= now:
        return "due: the next run tries it"
    return f"next {_moment(due)} (in {_span(due - now)})"


def _moment(seconds: float) -> str:
    """``Tue Nov 14 22:13:20``, local time."""
    try:
        return time.ctime(seconds)[:19]
    except (OverflowError, ValueError, OSError):
        return f"{seconds:.0f}"[:19].ljust(19)


def _ago(seconds: float) -> str:
    return f"{_span(seconds)} ago" if seconds >= 0 else f"the clock was {_span(-seconds)} ahead"


def _span(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


# -- JSON ----------------------------------------------------------------------------------------------------------


def _json(item: Item) -> str:
    """One object on a line, with the names of ``postqueue -j``, and a few more."""
    from json import dumps

    described: dict[str, object] = {
        "queue_name": item.queue,
        "queue_id": item.name,
        "arrival_time": int(item.time),
        "message_size": item.size,
        "forced_expire": False,
        "sender": "",
        "recipients": [],
    }
    if item.why:
        described["reason"] = item.why
    if item.entry:
        described |= _of_entry(item)
    return dumps(described) + "\n"


def _of_entry(item: Item) -> dict[str, object]:
    assert item.entry
    entry, now = item.entry, time.time()
    due = schedule.due(entry, item.name, now)
    return {
        # null: the identity that the rc chooses has it
        "sender": "MAILER-DAEMON" if entry.sender == "" else entry.sender,
        "recipients": [_recipient(address, outcome) for address, outcome in waiting(entry)],
        "attempts": len(entry.marks.times),
        "next_attempt": None if due == schedule.NEVER or item.queue == FAILED else int(max(due, now)),
    }


def _recipient(address: str, outcome: "Outcome | None") -> dict[str, str]:
    if not outcome:
        return {"address": address}
    return {"address": address, "delay_reason": _words(outcome, False), "status": outcome.status}
