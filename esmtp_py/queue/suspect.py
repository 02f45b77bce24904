"""A mail in whose course the connection was lost, or that we stumbled over: it may be the reason for that.

So it is tried after all others the next time, and alone.
"""

from esmtp_py.outcome import Outcome
from esmtp_py.queue.ready import waiting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.errors import MailError
    from esmtp_py.queue.entry import Entry

# What a mail that the server cannot stand looks like.
KINDS = ("connection_lost", "protocol", "internal", "io")


def is_suspect(entry: "Entry") -> bool:
    """The connection was lost with this mail on it, when it was last tried."""
    if not entry.marks.fates:
        return False
    last = [entry.marks.fate(number).outcome for number in waiting(entry).values()]
    return any(outcome is not None and outcome.kind in KINDS for outcome in last)


def beyond_suspicion(error: "MailError") -> Outcome:
    """That error as the fate of a mail that the server has not seen."""
    if error.kind in KINDS:
        return Outcome("unreachable", error.text, remote=error.remote, reply=error.reply)
    return error.outcome()
