"""What the identity's ``delivery`` and ``undo`` make of a mail when no -od flag was given.

    undo                  waits in the queue until nobody wants it back, then leaves
    background, queue     as -odb and -odq; but here the rc is known to be good
    on-failure            delivered now; whoever cannot be reached now is queued

0 of the exit code still means delivered, or safely in the queue.
"""

import time

from esmtp_py.cli.enqueue import store
from esmtp_py.cli.report import reason
from esmtp_py.cli.terminal import complain
from esmtp_py.config.identity import BACKGROUND, ON_FAILURE, QUEUE
from esmtp_py.errors import MailError
from esmtp_py.outcome import DEFERRED, DELIVERED, Outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.cli.mail import Mail
    from esmtp_py.config.identity import Identity


def postponed(mail: "Mail", identity: "Identity") -> bool:
    """True when the mail goes into the queue as it is.  One that must not leave is reported now."""
    return not mail.spoiled and bool(identity.undo or identity.delivery in (BACKGROUND, QUEUE))


def postpone(mail: "Mail", identity: "Identity") -> int:
    """Queues the mail and sees to its delivery; returns the exit code.  MailError: it was not queued."""
    not_before = time.time() + identity.undo if identity.undo else 0
    store(mail, not_before=not_before)
    if identity.delivery != QUEUE:
        from esmtp_py.cli.background import run

        run()
    return 0


def keep_deferred(mail: "Mail", identity: "Identity", outcomes: "dict[str, Outcome]") -> "dict[str, Outcome]":
    """With ``on-failure``: queues the mail for its deferred recipients and takes them out of the envelope.

    Returns the outcomes of the others; all as they were if the queue cannot take it.
    """
    assert mail.envelope
    recipients = mail.envelope.recipients
    late = [recipient for recipient in recipients if outcomes[recipient.address].fate == DEFERRED]
    if identity.delivery != ON_FAILURE or not late:
        return outcomes
    loud = mail.options.errors != "quiet"
    try:
        name = store(mail, late)
    except MailError as error:
        if loud:
            complain(error.text)
        return outcomes
    recorded = bool(identity.record) and _some_left(outcomes)
    _note(name, [outcomes[recipient.address] for recipient in late], recorded)
    for recipient in late if loud else ():
        complain(f"queued as {name}: {recipient.address}: {reason(outcomes[recipient.address])}")
    mail.envelope = mail.envelope.to([recipient for recipient in recipients if recipient not in late])
    return {recipient.address: outcomes[recipient.address] for recipient in mail.envelope.recipients}


def _some_left(outcomes: "dict[str, Outcome]") -> bool:
    return any(outcome.fate == DELIVERED for outcome in outcomes.values())


def _note(name: str, outcomes: "list[Outcome]", recorded: bool) -> None:
    """This was the first attempt: lists say why it waits, and the next one comes after a while.

    recorded: the sender has a copy.
    """
    from esmtp_py.queue.marks import outcome_mark, recorded_mark
    from esmtp_py.queue.schedule import due
    from esmtp_py.queue.store import Store

    now = time.time()
    try:
        with Store.open() as queue:
            locked = queue.lock(name)
            if not locked:  # a run is faster than we are
                return
            with locked:
                marks = [outcome_mark(now, [number], fate) for number, fate in enumerate(outcomes)]
                locked.mark(b"".join([*marks, recorded_mark(now)] if recorded else marks))
                locked.set_due(due(locked.entry, name, now))
    except MailError:
        pass  # the mail is safe, and the next run finds out again
