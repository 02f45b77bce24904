"""The sender's copies of queued mails: one for each, when somebody has got it for the first time."""

from esmtp_py.deliver.record import is_local
from esmtp_py.deliver.record import record as record_here
from esmtp_py.errors import MailError
from esmtp_py.outcome import DELIVERED
from esmtp_py.queue.marks import recorded_mark
from esmtp_py.queue.report import original_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.deliver.caller import Caller
    from esmtp_py.outcome import Outcome
    from esmtp_py.queue.entry import Entry
    from esmtp_py.queue.locked import Locked
    from esmtp_py.queue.ready import Ready
    from esmtp_py.queue.store import Store


def record(
    store: "Store", locked: "Locked", mail: "Ready", fates: "dict[str, Outcome]", caller: "Caller", now: float
) -> str:
    """Makes the copy if it is due; returns what to warn of, "" if all went well.

    fates: of this attempt.  Reports have no copy.
    """
    if locked.entry.marks.recorded or original_of(locked.name)[0] or not _has_left(locked.entry, fates):
        return ""
    identity, warning = mail.choice.identity, ""
    try:
        if is_local(identity):
            warning = record_here(identity, mail.message, mail.choice.sender, caller)
        else:
            from esmtp_py.queue.sent import keep

            keep(store, identity, mail.message, locked.entry.rc, now)
    except MailError as error:
        warning = f"no copy was kept: {error.text}"
    try:
        locked.mark(recorded_mark(now))
    except MailError as error:
        return error.text
    return warning


def _has_left(entry: "Entry", fates: "dict[str, Outcome]") -> bool:
    """In this attempt, or in one that was killed before it could make the copy."""
    before = [fate.outcome for fate in entry.marks.fates.values() if fate.time]
    return any(outcome and outcome.fate == DELIVERED for outcome in (*fates.values(), *before))
