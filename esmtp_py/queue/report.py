"""Telling the sender: a report becomes a mail of the queue itself, durable before its original goes.

Its name is made from that of the original, so that a run which begins again
after a crash finds it there and does not write a second one.  When the mda does
not take it, the same report goes to the sender through the identity.
"""

from esmtp_py.deliver.originate import date_of
from esmtp_py.deliver.select import qualified
from esmtp_py.errors import MailError
from esmtp_py.message.address import format_mailbox
from esmtp_py.message.envelope import Recipient
from esmtp_py.outcome import FAILED, Outcome
from esmtp_py.queue.bounce import DAEMON, bounce
from esmtp_py.queue.entry import Entry
from esmtp_py.queue.marks import DELAY, FAILURE, SUCCESS, aliased_mark, member_mark
from esmtp_py.queue.writer import Exists

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.config.identity import Identity
    from esmtp_py.deliver.caller import Caller
    from esmtp_py.message.header import Header
    from esmtp_py.message.message import Message
    from esmtp_py.queue.locked import Locked
    from esmtp_py.queue.ready import Ready
    from esmtp_py.queue.store import Store

# kind of report: the letter in its name
_LETTERS = {FAILURE: "f", DELAY: "d", SUCCESS: "s"}
# and the action of RFC 3464, which for success the outcome knows
_ACTIONS = {FAILURE: "failed", DELAY: "delayed"}


class Reports:
    """written: names of the reports of this run, which nobody has tried to deliver yet."""

    def __init__(self, store: "Store", caller: "Caller") -> None:
        self.written: list[str] = []
        self._store = store
        self._caller = caller

    def write(
        self,
        locked: "Locked",
        mail: "Ready",
        kind: str,
        number: int,
        recipients: "dict[int, Recipient]",
        outcomes: "dict[str, Outcome]",
        now: float,
    ) -> None:
        """Puts a report on a mail into the queue, unless it is there.

        number: of a recipient, for its name; when that one's mark says so, the
        original knows of the report.  recipients: whom it is about, by number.
        Raises MailError when it cannot be made durable: then the original must stay.
        """
        name = f"{locked.name}-{_LETTERS[kind]}{number}"
        identity, told = mail.choice.identity, mail.envelope.to(list(recipients.values()))
        report = bounce(
            told,
            outcomes,
            mail.message,
            author=author(identity, told.sender, self._caller),
            host=self._caller.host,
            date=date_of(now),
            boundary=f"{name}.{int(now):x}",
            action=_ACTIONS.get(kind) or outcomes[told.recipients[0].address].action,
        )
        back = way_back(told.sender, identity, self._caller)
        entry = Entry(now, "", [back], rc=locked.entry.rc, identity=identity.name, requiretls=told.requiretls)
        try:
            self._store_it(name, entry, report)
        except Exists:
            return
        except MailError as error:
            raise MailError(error.kind, f"cannot tell {told.sender} of it: {error.text}") from error
        self.written.append(name)

    def _store_it(self, name: str, entry: Entry, report: "Message") -> None:
        with self._store.begin(name) as writer:
            writer.write(entry.head())
            for chunk in report.chunks():
                writer.write(chunk)
            writer.commit()


def original_of(name: str) -> tuple[str, str, int]:
    """(id of the mail a report is about, its kind, lowest number); ("", "", 0) for a name that is no report's."""
    original, dash, report = name.rpartition("-")
    for kind, letter in _LETTERS.items():
        if dash and "-" in original and report.startswith(letter):
            return original, kind, int(report[1:] or "0")
    return "", "", 0


def way_back(sender: str, identity: "Identity", caller: "Caller") -> "Recipient":
    """With an mda for local users, whoever runs us, for the sender; else that one, as the server knows it."""
    address = qualified(sender, identity, caller)
    return Recipient(caller.login, orcpt=address) if stays_here(identity) else Recipient(address)


def other_way(name: str, entry: Entry, identity: "Identity", now: float) -> bytes:
    """Marks that send a report, which the mda does not take, to the sender through the identity; b"" if it has no way.

    They replace the recipient, so that there is one report, and the mda is not asked again.
    """
    lines = b""
    if original_of(name)[0] and "hostname" in identity.origin:
        for number, (recipient, _) in unreported(entry).items():
            if recipient.local and not Recipient(recipient.orcpt).local:
                lines += member_mark(now, number, Recipient(recipient.orcpt)) + aliased_mark(now, number)
    return lines


def readdress(header: "Header", entry: Entry) -> None:
    """Of a report that goes the other way, for a server wants an author that it knows."""
    for member in entry.marks.members:
        header.replace(b"From", format_mailbox(DAEMON, member.address))


def unreported(entry: Entry) -> "dict[int, tuple[Recipient, Outcome]]":
    """The failed recipients, by number, of whom the sender has not been told."""
    found = {}
    for number, recipient in enumerate(entry.recipients):
        fate = entry.marks.fates.get(number)
        if fate and fate.outcome and fate.outcome.fate == FAILED and FAILURE not in fate.reported:
            found[number] = (recipient, fate.outcome)
    return found


def author(identity: "Identity", sender: str, caller: "Caller") -> str:
    """The daemon of this host for an mda; for a server, which wants an address it knows, the sender's own."""
    if identity.force_mda or stays_here(identity):
        return f"MAILER-DAEMON@{caller.host}"
    return qualified(sender, identity, caller)


def stays_here(identity: "Identity") -> bool:
    """A bare user name goes to the mda, and not to a server or, whoever it is for, to one user."""
    return bool(identity.mda and not identity.qualifydomain and not identity.force_mda)
