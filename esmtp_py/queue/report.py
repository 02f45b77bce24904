"""Telling the sender: a report becomes a mail of the queue itself, durable before its original goes.

Its name is made from that of the original, so that a run which begins again
after a crash finds it there and does not write a second one.
"""

from esmtp_py.deliver.originate import date_of
from esmtp_py.message.envelope import Envelope, Recipient
from esmtp_py.queue.bounce import bounce
from esmtp_py.queue.entry import Entry
from esmtp_py.queue.marks import DELAY, FAILURE, SUCCESS
from esmtp_py.queue.writer import Exists

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.config.identity import Identity
    from esmtp_py.deliver.caller import Caller
    from esmtp_py.message.message import Message
    from esmtp_py.outcome import Outcome
    from esmtp_py.queue.store import Store

# kind of report: the letter in its name, and the action of RFC 3464
_KINDS = {FAILURE: ("f", "failed"), DELAY: ("d", "delayed"), SUCCESS: ("s", "relayed")}


def enqueue(
    store: "Store",
    name: str,
    kind: str,
    numbers: list[int],
    told: Envelope,
    outcomes: "dict[str, Outcome]",
    message: "Message",
    identity: "Identity",
    caller: "Caller",
    now: float,
) -> None:
    """Puts the report on the mail ``name`` into the queue, unless it is there.

    told: the envelope with the recipients it is about, whose numbers are
    ``numbers``.  Raises MailError when it cannot be made durable: then the
    original must stay.
    """
    letter, action = _KINDS[kind]
    name = f"{name}-{letter}{min(numbers)}"
    report = bounce(
        told,
        outcomes,
        message,
        author=author(identity, told.sender, caller),
        host=caller.host,
        date=date_of(now),
        boundary=f"{name}.{int(now):x}",
        action=action,
    )
    entry = Entry(now, "", way_back(told.sender, identity, caller).recipients, identity=identity.name)
    try:
        with store.begin(name) as writer:
            writer.write(entry.head())
            for chunk in report.chunks():
                writer.write(chunk)
            writer.commit()
    except Exists:
        pass


def original_of(name: str) -> tuple[str, str, int]:
    """(id of the mail a report is about, its kind, lowest number); ("", "", 0) for a name that is no report's."""
    original, dash, report = name.rpartition("-")
    for kind, (letter, _) in _KINDS.items():
        if dash and "-" in original and report.startswith(letter):
            return original, kind, int(report[1:] or "0")
    return "", "", 0


def way_back(sender: str, identity: "Identity", caller: "Caller") -> Envelope:
    """With an mda, to the mailbox of whoever runs us; else to the sender.  The null reverse path, always."""
    by_mda = identity.mda and not identity.force_mda
    return Envelope("", [Recipient(caller.login if by_mda else sender)])


def author(identity: "Identity", sender: str, caller: "Caller") -> str:
    """The daemon of this host for an mda; for a server, which wants an address it knows, the sender's own."""
    return f"MAILER-DAEMON@{caller.host}" if identity.mda or "@" not in sender else sender
