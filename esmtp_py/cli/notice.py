"""-oem: what went wrong is mailed to the sender; what cannot be mailed either is not lost.

cron and at throw their own messages away, so a report goes by mail first, and
when there is no way for it, to standard error, the mail itself to dead.letter.
"""

import os

from esmtp_py.cli import dead_letter
from esmtp_py.cli.terminal import complain
from esmtp_py.deliver.route import deliver, plan
from esmtp_py.errors import MailError
from esmtp_py.message.address import AddressError
from esmtp_py.message.envelope import Envelope, Recipient
from esmtp_py.outcome import DELIVERED
from esmtp_py.queue.bounce import bounce, wanted
from esmtp_py.queue.report import stays_here

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from esmtp_py.config.identity import Identity
    from esmtp_py.deliver.caller import Caller
    from esmtp_py.message.message import Message
    from esmtp_py.outcome import Outcome


def mail_back(
    message: "Message",
    envelope: Envelope,
    outcomes: "dict[str, Outcome]",
    identity: "Identity",
    caller: "Caller",
    trace: "Callable[[str, bytes], None] | None",
    date: bytes,
) -> bool:
    """Delivers a bounce to the sender.  True when it has arrived; all recipients here have the same -N.

    A signal ends only that: what became of the mail is known, and is said in another way.

    date: of now, as a header field has it.
    """
    told = wanted(envelope, outcomes)
    if not told:
        return False
    way = _way_back(envelope.sender, identity, caller)
    way.requiretls = envelope.requiretls
    try:
        report = bounce(
            envelope.to(told),
            outcomes,
            message,
            author=_author(identity, envelope.sender, caller),
            host=caller.host,
            date=date,
            boundary=os.urandom(16).hex(),
        )
        fates = deliver(report, way, plan(identity, way, trace))
    except (MailError, AddressError, KeyboardInterrupt):
        return False
    return all(fate.fate == DELIVERED for fate in fates.values())


def keep(message: "Message", sender: str, caller: "Caller") -> None:
    """Saves the mail in dead.letter, and says so, or why not."""
    try:
        path = dead_letter.save(message, sender, caller.home)
    except MailError as error:
        complain(f"the mail is not saved: {error.text}")
    else:
        complain(f"the mail is saved at the end of {path}")


def _way_back(sender: str, identity: "Identity", caller: "Caller") -> Envelope:
    """With an mda for local users, to whoever runs us; else to the sender.  The null reverse path, always."""
    return Envelope("", [Recipient(caller.login if stays_here(identity) else sender)], report=True)


def _author(identity: "Identity", sender: str, caller: "Caller") -> str:
    """The daemon of this host for an mda; for a server, which wants an address it knows, the sender's own."""
    here = stays_here(identity) or identity.force_mda or "@" not in sender
    return f"MAILER-DAEMON@{caller.host}" if here else sender
