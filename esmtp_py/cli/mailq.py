"""-bp and the name mailq: the queue as Postfix lists it, or as JSON; -v says why, and when next.

Mails are printed as they are read, a few hundred at a time, so that a long
queue costs neither memory nor patience.
"""

import time

from esmtp_py.cli.flags import SELECTING
from esmtp_py.cli.item import ACTIVE, HOLD, PLACES, Item, active_names, look, waiting
from esmtp_py.cli.selection import Selection
from esmtp_py.cli.terminal import OUT
from esmtp_py.cli.turns import in_turn
from esmtp_py.printable import printable
from esmtp_py.queue import schedule
from esmtp_py.queue.store import CORRUPT, FAILED, SENT, Store
from esmtp_py.queue.writer import NEW

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from esmtp_py.cli.options import Options
    from esmtp_py.cli.withheld import Withheld
    from esmtp_py.outcome import Outcome

# Behind the id: what else there is to know at a glance.
_SIGNS = {ACTIVE: "*", HOLD: "!", FAILED: "x", CORRUPT: "?"}
# Reasons end where an 80-column terminal does, as in Postfix.
_WIDTH = 76
# Ids have 18 characters and those of a process number, reports three more.
_ID_WIDTH = 24
_HEADING = f"{'-Queue ID-':<{_ID_WIDTH}} --Size-- ----Arrival Time---- -Sender/Recipient-------\n"
# Mails that are printed at a time: some 30 kB.
_PART = 256

# What is counted: sound mails and their bytes, and the others.  In front of the text of a part, each in 8 bytes.
_REQUESTS, _BYTES, _FAILED, _DAMAGED = range(4)
_NUMBER, _COUNTS = 8, 4


def mailq(options: "Options") -> int:
    """Lists all there is on standard output, or what -qI, -qR or -qS select of it."""
    with Store.open(create=False) as store:
        active = active_names(store)
        selected = options.queue_run if options.queue_run[:1] in SELECTING else ""
        selection = Selection(selected) if selected else None
        total = [0] * _COUNTS
        shown = False
        mails, strangers = store.told_apart()
        listed = [(place, mails if place == NEW else store.ids(place), active) for place in PLACES]
        for place, names, busy in [*listed, (NEW, strangers, None)]:
            parts = [names[at : at + _PART] for at in range(0, len(names), _PART)]
            for done in in_turn(parts, _printer(store, place, busy, options, selection)):
                total = [sum(pair) for pair in zip(total, _numbers(done), strict=True)]
                text = done[_COUNTS * _NUMBER :]
                if text and not shown and not options.json:
                    OUT.write(_HEADING)
                shown = shown or bool(text)
                OUT.write_bytes(text)
        if not options.json:
            empty = f"No mail for -q{selected}\n" if selected else "Mail queue is empty\n"
            OUT.write((_footer(total) if shown else empty) + _copies(store))
    return 0


def _printer(
    store: Store, place: str, active: "frozenset[str] | None", options: "Options", selection: "Selection | None"
) -> "Callable[[list[str]], bytes]":
    withheld = None
    if options.verbose or options.json:
        from esmtp_py.cli.withheld import Withheld

        withheld = Withheld(store)
    return lambda names: _printed(_chosen(store, place, names, active, selection), options, withheld)


def _chosen(
    store: Store, place: str, names: list[str], active: "frozenset[str] | None", selection: "Selection | None"
) -> "Iterator[Item]":
    for name in names:
        item = look(store, name, place, active)
        if item and (not selection or selection.has(item)):
            yield item


def _printed(items: "Iterator[Item]", options: "Options", withheld: "Withheld | None") -> bytes:
    """Some mails: the counts, and the text."""
    now, counts, texts = time.time(), [0] * _COUNTS, []
    for item in items:
        queue = item.queue
        counts[_DAMAGED if queue == CORRUPT else _FAILED if queue == FAILED else _REQUESTS] += 1
        counts[_BYTES] += item.size if queue not in (CORRUPT, FAILED) else 0
        if withheld:
            item.undo, item.off = withheld.seconds(item), withheld.reason(item)
        texts.append(_json(item, now) if options.json else text(item, queue, options.verbose, now) + "\n")
    head = b"".join(count.to_bytes(_NUMBER, "little") for count in counts)
    return head + "".join(texts).encode("utf-8", "backslashreplace")


def _numbers(done: bytes) -> list[int]:
    return [int.from_bytes(done[at : at + _NUMBER], "little") for at in range(0, _COUNTS * _NUMBER, _NUMBER)]


# -- text ----------------------------------------------------------------------------------------------------------


def _footer(total: list[int]) -> str:
    plural = "s" if total[_REQUESTS] != 1 else ""
    lines = f"-- {total[_BYTES] // 1024} Kbytes in {total[_REQUESTS]} Request{plural}.\n"
    others = [f"{total[which]} {word}" for which, word in ((_FAILED, "failed"), (_DAMAGED, "damaged")) if total[which]]
    if others:
        lines += f"-- {', '.join(others)}: esmtp --show ID shows it, esmtp --cancel ID removes it.\n"
    return lines


def _copies(store: Store) -> str:
    """They are no mail that waits, but somebody may miss them when they wait for long."""
    if not store.ids(SENT):
        return ""
    from esmtp_py.queue.sent import late, spoken

    count = late(store, time.time())
    return f"-- {spoken(count)}.\n" if count else ""


def text(item: Item, queue: str, verbose: bool, now: float) -> str:
    """One mail as lines, without the empty one between two."""
    sender = _sender(item) if item.entry else ""
    # the two spaces before the sender are Postfix's
    first = (
        f"{printable(item.name) + _SIGNS.get(queue, ' '):<{_ID_WIDTH}} {item.size:>8} {_moment(item.time)}  {sender}"
    )
    lines = [first.rstrip()]
    if item.why:
        lines.append(_reason(item.why))
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
    due = schedule.due(item.entry, item.name, now, item.undo)
    if due == schedule.NEVER:
        return f"on hold until esmtp --release {item.name}"
    if due <= now:
        return item.off or "due: the next run tries it"
    again = "; until then it can be taken back (--undo)" if not item.entry.marks.times else ""
    return f"next {_moment(due)} (in {_span(due - now)}){again}"


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


def _json(item: Item, now: float) -> str:
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
        described |= _of_entry(item, now)
    return dumps(_valid(described)) + "\n"


def _valid(value: object) -> object:
    """The same in Unicode: octets that are no UTF-8, as a name or a call may have them, are shown as ``\\xNN``."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    if isinstance(value, list):
        return [_valid(part) for part in value]
    if isinstance(value, dict):
        return {name: _valid(part) for name, part in value.items()}
    return value


def _of_entry(item: Item, now: float) -> dict[str, object]:
    assert item.entry
    entry = item.entry
    due = schedule.due(entry, item.name, now, item.undo)
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
