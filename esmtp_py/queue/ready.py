"""A queued mail made ready to leave: its identity, its message, and the recipients who still wait."""

from esmtp_py.deliver.originate import originate
from esmtp_py.deliver.select import Choice, qualified, select
from esmtp_py.message.envelope import Envelope
from esmtp_py.message.header import Header
from esmtp_py.message.intake import HEADER_LIMIT
from esmtp_py.message.message import CHUNK, Message
from esmtp_py.message.originate import sender_of
from esmtp_py.queue.entry import RAW, Damaged
from esmtp_py.queue.report import original_of, readdress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from esmtp_py.config.model import Config
    from esmtp_py.deliver.caller import Caller
    from esmtp_py.errors import MailError
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
    """

    __slots__ = ("choice", "envelope", "message", "numbers")

    def __init__(self, choice: Choice, envelope: Envelope, message: Message, numbers: dict[str, int]) -> None:
        self.choice = choice
        self.envelope = envelope
        self.message = message
        self.numbers = numbers


def read(locked: "Locked", unpack: "Unpack") -> "tuple[Message, MailError | None]":
    """The mail as it was queued, and why it must not leave; None for a good one.

    unpack: reads a mail that is stored as it came; its entry is complete only
    then.  Raises MailError: Damaged for a message without header, what ``unpack`` raises.
    """
    if locked.entry.form == RAW:
        unpacked = unpack(locked)
        return unpacked.message, unpacked.spoiled
    header, size = header_of(locked)
    return Message(header, locked.body_from(size), binary=locked.entry.body == "BINARYMIME"), None


def choose(entry: "Entry", config: "Config", caller: "Caller", header: Header) -> Choice:
    """The identity that the sender chooses.  MailError("config") when the rc refuses it.

    Where that was settled before it was queued, as for a report and for the rest
    of a mail that went to others already, nothing may give it another sender.
    """
    settled = entry.sender or ""
    identity = config.named(entry.identity) if entry.identity else None
    if identity:
        return Choice(identity, settled, qualified(settled or caller.address, identity, caller))
    choice = select(config, caller, entry.sender, _author(header))
    if entry.identity:
        choice.sender = settled
    return choice


def ready(locked: "Locked", message: Message, choice: Choice, caller: "Caller") -> Ready:
    """Completes the mail; Date and Message-ID are those of its submission."""
    entry = locked.entry
    if not original_of(locked.name)[0]:  # a report is complete, and nobody but its author wrote it
        originate(message.header, choice, caller, full_name=entry.full_name, seconds=entry.time, unique=locked.name)
        if choice.identity.dsn_notify:
            from esmtp_py.deliver.wishes import wish

            wish(entry.recipients, choice.sender, choice.identity)
    else:
        readdress(message.header, entry)
    numbers, everyone = waiting(entry), entry.recipients
    envelope = entry.envelope("").to([everyone[number] for number in numbers.values()])
    envelope.sender = choice.sender
    envelope.report = bool(original_of(locked.name)[0])
    if not envelope.report:
        envelope.requiretls |= choice.identity.tls_required_ext
    return Ready(choice, envelope, message, numbers)


def waiting(entry: "Entry") -> dict[str, int]:
    """{address: number} of the recipients with no last word yet; of an alias and its user of one name, the alias."""
    fates = entry.marks.fates
    numbers: dict[str, int] = {}
    for number, recipient in enumerate(entry.recipients):
        if number not in fates or not fates[number].settled:
            numbers.setdefault(recipient.address, number)
    return numbers


def header_of(locked: "Locked") -> "tuple[Header, int]":
    """The header as it was stored, and where the body begins.

    Whoever queued the mail has made it canonical: CRLF, and a blank line behind the header.
    """
    block = b"\r\n"  # a blank line may be the first
    for chunk in locked.chunks():
        block += chunk
        end = block.find(b"\r\n\r\n")
        if end >= 0:
            return Header(_fields(block[2 : end + 2])), end + 2
        if len(block) > HEADER_LIMIT + CHUNK:
            break
    raise Damaged(f"{locked.name}: its message has no end of header")


def _fields(block: bytes) -> list[bytes]:
    fields: list[list[bytes]] = []
    for line in block.split(b"\r\n")[:-1]:
        if fields and line[:1] in (b" ", b"\t"):
            fields[-1].append(line)
        else:
            fields.append([line])
    return [b"\r\n".join(lines) + b"\r\n" for lines in fields]


def _author(header: Header) -> str:
    mailbox = sender_of(header)
    return mailbox.address if mailbox else ""
