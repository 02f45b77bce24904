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
    from esmtp_py.message.envelope import Recipient


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
        queued = late + _known_to_have_it(recipients, outcomes)
        name = store(mail, queued, marks=_marks(identity, queued, outcomes))
    except MailError as error:
        if loud:
            complain(error.text)
        return outcomes
    for recipient in late if loud else ():
        complain(f"queued as {name}: {recipient.address}: {reason(outcomes[recipient.address])}")
    mail.envelope = mail.envelope.to([recipient for recipient in recipients if recipient not in late])
    return {recipient.address: outcomes[recipient.address] for recipient in mail.envelope.recipients}


def _known_to_have_it(recipients: "list[Recipient]", outcomes: "dict[str, Outcome]") -> "list[Recipient]":
    """Whom an alias that is corrected later must not bring a second copy; nobody where no alias waits for that."""
    if not any(recipient.fate for recipient in recipients):
        return []
    return [recipient for recipient in recipients if outcomes[recipient.address].fate == DELIVERED]


def _marks(identity: "Identity", recipients: "list[Recipient]", outcomes: "dict[str, Outcome]") -> bytes:
    """This was the first attempt: lists say why it waits, and the next one comes after a while, without a copy."""
    from esmtp_py.queue.marks import outcome_mark, recorded_mark

    now = time.time()
    marks = [outcome_mark(now, [number], outcomes[recipient.address]) for number, recipient in enumerate(recipients)]
    if identity.record and any(outcome.fate == DELIVERED for outcome in outcomes.values()):
        marks.append(recorded_mark(now))
    return b"".join(marks)
