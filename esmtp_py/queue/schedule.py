"""When a queued mail is tried again, and when that comes to an end.

Pure; the clock is an argument, in seconds since 1970.  It may jump by years
between two calls: no mail is given up without an attempt or waits for a time
that only a wrong clock has set.  Intervals are counted between attempts, each
at most a day, so that one jump counts no more than that.
"""

from binascii import crc32

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.message.envelope import Recipient
    from esmtp_py.queue.entry import Entry
    from esmtp_py.queue.marks import Marks

# Back-off: doubles from a minute to four hours.
SHORTEST = 60
LONGEST = 4 * 3600
# After a delivery of which no mark could be made: it is made once more, and not by each run while the disk is full.
UNNOTED = 3600
# RFC 5321 section 4.5.4.1: give up after 4 to 5 days.
LIFETIME = 5 * 86400
# The sender hears of a delay after four hours, unless NOTIFY says otherwise.
WARNING = 4 * 3600

NEVER = float("inf")

_DAY = 86400


def backoff(tries: int, name: str) -> int:
    """Seconds from the attempt that was number ``tries`` (from 1) to the next.

    Up to a quarter longer, by the id: mails that failed together do not come back together.
    """
    seconds = min(SHORTEST << min(tries - 1, 20), LONGEST) if tries > 0 else 0
    return seconds + seconds * (crc32(f"{name} {tries}".encode()) & 0xFF) // 1024


def due(entry: "Entry", name: str, now: float, undo: float = 0) -> float:
    """When this mail is next to be tried: now or earlier means at once, NEVER while it is held.

    undo: seconds that each mail waits before its first attempt.  The value is also for Locked.set_due.
    """
    marks = entry.marks
    if marks.held:
        return NEVER
    if marks.hurry:
        return now
    waits = marks.times[-1] + backoff(marks.tries, name) if marks.times else entry.time + undo
    return max(_wanted(entry), _foreseen(waits, now, undo))


def is_backing_off(entry: "Entry", now: float) -> bool:
    """True while nothing but an attempt before keeps this mail from being tried, unless it is held."""
    return bool(entry.marks.times) and _wanted(entry) <= now


def _wanted(entry: "Entry") -> float:
    """No earlier than that, as it was asked for."""
    return max(entry.not_before, entry.marks.at)


def respite(marks: "Marks", name: str, now: float) -> float:
    """When an account may be asked again whose server has turned us away, as its marks say; now or earlier: at once."""
    return _foreseen(marks.times[-1] + backoff(marks.tries, name), now) if marks.times else now


def _foreseen(moment: float, now: float, undo: float = 0) -> float:
    """That moment; or now, when it is further ahead than any of these can be: the clock has been set back since."""
    return now if moment > now + max(LONGEST * 1.25, undo) else moment


def age(entry: "Entry", now: float) -> float:
    """For how long delivery has been tried, from submission or when it was first wanted to ``now``.

    No interval between attempts counts for more than a day.
    """
    total = 0.0
    before = max(entry.time, entry.not_before, entry.marks.since)
    for moment in (*entry.marks.times, now):
        total += min(max(moment - before, 0), _DAY)
        before = moment
    return total


def expired(entry: "Entry", now: float, lifetime: float = LIFETIME) -> bool:
    """True when what is still deferred is to be given up.  Never before an attempt was made."""
    return bool(entry.marks.times) and age(entry, now) > lifetime


def late(entry: "Entry", recipients: "list[Recipient]", now: float, warning: float = WARNING) -> list[int]:
    """Numbers of the recipients whose delay the sender is to be told of now.

    Not yet settled, not yet reported, tried at least once, and NOTIFY (RFC 3461 section 4.1) does not forbid it.
    """
    if not entry.marks.times or age(entry, now) <= warning:
        return []
    return [number for number, recipient in enumerate(recipients) if _is_late(entry, number, recipient)]


def _is_late(entry: "Entry", number: int, recipient: "Recipient") -> bool:
    fate = entry.marks.fates.get(number)
    if fate is not None and (fate.settled or "delay" in fate.reported):
        return False
    return not recipient.notify or "DELAY" in recipient.notify
