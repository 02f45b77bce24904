"""A queued mail made ready to leave: its identity, its message, and the recipients who still wait."""

from esmtp_py.deliver.caller import Caller
from esmtp_py.deliver.originate import originate
from esmtp_py.deliver.select import Choice, qualified, select
from esmtp_py.message.envelope import Envelope
from esmtp_py.message.intake import Intake
from esmtp_py.message.message import Message
from esmtp_py.message.originate import sender_of
from esmtp_py.queue.entry import RAW, Damaged

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from esmtp_py.config.model import Config
    from esmtp_py.errors import MailError
    from esmtp_py.message.header import Header
    from esmtp_py.queue.entry import Entry
    from esmtp_py.queue.locked import Locked

    class Unpacked(Protocol):
        """What a RAW mail comes to; the entry has been filled in."""

        @property
        def message(self) -> Message: ...
        @property
        def spoiled(self) -> "MailError | None": ...

    class Unpack(Protocol):
        def __call__(self, locked: Locked, /) -> Unpacked: ...


class Ready:
    """message, envelope: what a courier wants.  choice: identity and sender.

    numbers: {address of a waiting recipient: its number in the entry}.
    spoiled: why the message must not leave; None for a good one.
    """

    __slots__ = ("choice", "envelope", "message", "numbers", "spoiled")

    def __init__(
        self,
        choice: Choice,
        envelope: Envelope,
        message: Message,
        numbers: dict[str, int],
        spoiled: "MailError | None",
    ) -> None:
        self.choice = choice
        self.envelope = envelope
        self.message = message
        self.numbers = numbers
        self.spoiled = spoiled


def choice_of(locked: "Locked", config: "Config", caller: Caller, unpack: "Unpack") -> Choice:
    """Which identity the mail is for.  MailError("config") when the rc refuses its sender."""
    message, _ = _message(locked, unpack)
    return _choose(locked.entry, config, caller, message.header)


def ready(locked: "Locked", config: "Config", caller: Caller, unpack: "Unpack") -> Ready:
    """Reads and completes the mail; Date and Message-ID are those of its submission.

    unpack: reads a mail that is stored as it came.  Raises MailError: "config"
    as above, Damaged for a message without header, what ``unpack`` raises.
    """
    entry = locked.entry
    message, spoiled = _message(locked, unpack)
    header = message.header
    choice = _choose(entry, config, caller, header)
    originate(header, choice, caller, full_name=entry.full_name, seconds=entry.time, unique=locked.name)
    numbers = waiting(entry)
    envelope = entry.envelope("").to([entry.recipients[number] for number in numbers.values()])
    envelope.sender = choice.sender
    return Ready(choice, envelope, message, numbers, spoiled)


def _message(locked: "Locked", unpack: "Unpack") -> "tuple[Message, MailError | None]":
    if locked.entry.form == RAW:
        unpacked = unpack(locked)
        return unpacked.message, unpacked.spoiled
    header = header_of(locked)
    return Message(header, locked.body_from(header.size + 2)), None


def _choose(entry: "Entry", config: "Config", caller: Caller, header: "Header") -> Choice:
    """The identity that the sender chooses.

    Where that was settled before it was queued, as for a report and for the rest
    of a mail that went to others already, nothing may give it another sender.
    """
    settled = entry.sender or ""
    for identity in config.identities:
        if entry.identity and identity.name == entry.identity:
            return Choice(identity, settled, qualified(settled or caller.address, identity, caller))
    choice = select(config, caller, entry.sender, _author(header))
    if entry.identity:
        choice.sender = settled
    return choice


def for_smtp(envelope: Envelope, choice: Choice, caller: Caller) -> None:
    """A sender without domain gets one."""
    envelope.sender = qualified(envelope.sender, choice.identity, caller)


def waiting(entry: "Entry") -> dict[str, int]:
    """{address: number} of the recipients with no last word yet."""
    fates = entry.marks.fates
    return {
        recipient.address: number
        for number, recipient in enumerate(entry.recipients)
        if number not in fates or not fates[number].settled
    }


def header_of(locked: "Locked") -> "Header":
    """The header as it was stored; the body begins two bytes behind it."""
    intake = Intake(dot_ends=False, binary=True)
    for chunk in locked.chunks():
        intake.feed(chunk)
        if intake.header_over:
            return intake.header
    raise Damaged(f"{locked.name}: its message has no end of header")


def _author(header: "Header") -> str:
    mailbox = sender_of(header)
    return mailbox.address if mailbox else ""
